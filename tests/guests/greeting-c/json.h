/* As much JSON as flat settings need. Nothing is ever freed: an instance lives for one call. */
#ifndef JSON_H
#define JSON_H

#include "module.h"

/* A text that grows. */
struct text {
  uint8_t *ptr;
  size_t len;
  size_t room;
};

void text_add(struct text *text, const void *bytes, size_t len);
void text_say(struct text *text, const char *words);

/* Adds a string with its quotes and escapes. */
void text_quote(struct text *text, module_string_t string);

module_string_t text_done(struct text *text);

/* Finds the string that an object holds under a key, quotes and escapes and all. */
bool json_find(module_string_t object, const char *key, module_string_t *raw);

/* Takes the quotes and escapes away. */
module_string_t json_plain(module_string_t raw);

#endif
