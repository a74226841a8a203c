#include "json.h"

#include <stdlib.h>
#include <string.h>

void text_add(struct text *text, const void *bytes, size_t len) {
  if (text->len + len > text->room) {
    text->room = 2 * (text->len + len) + 64;
    text->ptr = realloc(text->ptr, text->room);
    if (text->ptr == NULL) abort();
  }
  memcpy(text->ptr + text->len, bytes, len);
  text->len += len;
}

void text_say(struct text *text, const char *words) {
  text_add(text, words, strlen(words));
}

void text_quote(struct text *text, module_string_t string) {
  static const char digits[] = "0123456789abcdef";
  text_say(text, "\"");
  for (size_t i = 0; i < string.len; i++) {
    uint8_t byte = string.ptr[i];
    if (byte == '"' || byte == '\\') text_say(text, "\\");
    if (byte < 0x20) {
      char escape[] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
      text_add(text, escape, sizeof escape);
    } else {
      text_add(text, &byte, 1);
    }
  }
  text_say(text, "\"");
}

module_string_t text_done(struct text *text) {
  return (module_string_t){text->ptr, text->len};
}

/* Returns where the string ends that begins at `at`. */
static size_t string_end(module_string_t json, size_t at) {
  for (at++; at < json.len && json.ptr[at] != '"'; at++)
    if (json.ptr[at] == '\\') at++;
  return at + 1;
}

bool json_find(module_string_t object, const char *key, module_string_t *raw) {
  int depth = 0;
  bool is_value = false, is_wanted = false;
  for (size_t at = 0; at < object.len;) {
    uint8_t byte = object.ptr[at];
    if (byte == '"') {
      size_t end = string_end(object, at);
      if (end > object.len) return false;
      module_string_t found = {object.ptr + at, end - at};
      if (depth == 1 && is_value && is_wanted) {
        *raw = found;
        return true;
      }
      if (depth == 1 && !is_value) {
        module_string_t name = json_plain(found);
        is_wanted = name.len == strlen(key) && memcmp(name.ptr, key, name.len) == 0;
      }
      at = end;
      continue;
    }
    if (byte == '{' || byte == '[') depth++;
    if (byte == '}' || byte == ']') depth--;
    if (depth == 1 && byte == ':') is_value = true;
    if (depth == 1 && byte == ',') is_value = false;
    at++;
  }
  return false;
}

static unsigned hex(const uint8_t *digits) {
  unsigned value = 0;
  for (int i = 0; i < 4; i++) {
    unsigned digit = digits[i] | 0x20;
    value = value * 16 + (digit >= 'a' ? digit - 'a' + 10 : digit - '0');
  }
  return value;
}

static void add_point(struct text *text, unsigned point) {
  uint8_t bytes[4];
  size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = len - 1; i > 0; i--, point >>= 6) bytes[i] = 0x80 | (point & 0x3f);
  bytes[0] = lead[len] | point;
  text_add(text, bytes, len);
}

module_string_t json_plain(module_string_t raw) {
  static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
  struct text text = {0};
  text_add(&text, "", 0);
  for (size_t at = 1; at + 1 < raw.len; at++) {
    uint8_t byte = raw.ptr[at];
    if (byte == '\\') {
      byte = raw.ptr[++at];
      const char *known = strchr(from, byte);
      if (byte == 'u' && at + 5 < raw.len) {
        unsigned point = hex(raw.ptr + at + 1);
        at += 4;
        if (point >= 0xd800 && point < 0xdc00 && at + 7 < raw.len) {
          point = 0x10000 + ((point - 0xd800) << 10) + (hex(raw.ptr + at + 3) - 0xdc00);
          at += 6;
        }
        add_point(&text, point);
        continue;
      }
      if (known != NULL) byte = to[known - from];
    }
    text_add(&text, &byte, 1);
  }
  return text_done(&text);
}
