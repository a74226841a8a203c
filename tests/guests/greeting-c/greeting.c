/* A greeting in a file and a service that sleeps: the smallest module that uses every hook. */

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "module.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

typedef cellhost_machine_types_borrow_machine_t machine_t;
typedef cellhost_state_state_item_t item_t;
typedef exports_cellhost_module_lifecycle_failure_t failure_t;

struct settings {
  module_string_t raw_greeting;
  module_string_t greeting;
  module_string_t path;
  module_string_t file;
};

static module_string_t say(const char *words) {
  return (module_string_t){(uint8_t *)words, strlen(words)};
}

static module_string_t unit(void) { return say("/etc/systemd/system/greeting.service"); }

static struct settings settings_of(machine_t machine) {
  struct settings settings;
  module_string_t json, raw;
  cellhost_cell_cell_settings(machine, &json);
  /* The schema has seen to it that there is one. */
  if (!json_find(json, "greeting", &settings.raw_greeting)) abort();
  settings.greeting = json_plain(settings.raw_greeting);
  settings.path = json_find(json, "path", &raw) ? json_plain(raw) : say("/etc/greeting");
  struct text file = {0};
  text_add(&file, settings.path.ptr, settings.path.len);
  text_say(&file, "/greeting.txt");
  settings.file = text_done(&file);
  return settings;
}

static struct settings settings_of_all(void) {
  cellhost_cell_cell_list_own_machine_t members;
  cellhost_cell_cell_members(&members);
  if (members.len == 0) abort();
  return settings_of(cellhost_machine_types_borrow_machine(members.ptr[0]));
}

static void add_number(struct text *text, uint32_t number) {
  char digits[10];
  size_t at = sizeof digits;
  do digits[--at] = '0' + number % 10;
  while (number /= 10);
  text_add(text, digits + at, sizeof digits - at);
}

/* "name address" of every other member, as a JSON array. */
static void add_peers(struct text *text, machine_t machine) {
  uint32_t own = cellhost_machine_types_method_machine_ordinal(machine);
  cellhost_cell_cell_list_own_machine_t members;
  cellhost_cell_cell_members(&members);
  bool is_first = true;
  text_say(text, "[");
  for (size_t i = 0; i < members.len; i++) {
    machine_t peer = cellhost_machine_types_borrow_machine(members.ptr[i]);
    if (cellhost_machine_types_method_machine_ordinal(peer) == own) continue;
    module_string_t name, address;
    cellhost_machine_types_method_machine_name(peer, &name);
    cellhost_machine_types_method_machine_address(peer, &address);
    struct text words = {0};
    text_add(&words, name.ptr, name.len);
    text_say(&words, " ");
    text_add(&words, address.ptr, address.len);
    if (!is_first) text_say(text, ",");
    text_quote(text, text_done(&words));
    is_first = false;
  }
  text_say(text, "]");
}

static module_string_t variables_of(machine_t machine, struct settings settings) {
  struct text text = {0};
  module_string_t name;
  cellhost_machine_types_method_machine_name(machine, &name);
  text_say(&text, "{\"greeting\":");
  text_add(&text, settings.raw_greeting.ptr, settings.raw_greeting.len);
  text_say(&text, ",\"name\":");
  text_quote(&text, name);
  text_say(&text, ",\"ordinal\":");
  add_number(&text, cellhost_machine_types_method_machine_ordinal(machine));
  text_say(&text, ",\"peers\":");
  add_peers(&text, machine);
  text_say(&text, "}");
  return text_done(&text);
}

static item_t rendered(module_string_t path, const char *template, module_string_t variables) {
  item_t item = {.tag = CELLHOST_STATE_STATE_ITEM_FILE};
  item.val.file.path = path;
  item.val.file.content.tag = CELLHOST_STATE_STATE_CONTENT_RENDERED;
  item.val.file.content.val.rendered.template_ = say(template);
  item.val.file.content.val.rendered.variables = variables;
  item.val.file.mode = (module_option_u16_t){true, 0644};
  return item;
}

static item_t absent(module_string_t path) {
  item_t item = {.tag = CELLHOST_STATE_STATE_ITEM_ABSENT};
  item.val.absent = path;
  return item;
}

static item_t service(bool wanted, module_string_t *files, size_t count) {
  item_t item = {.tag = CELLHOST_STATE_STATE_ITEM_SERVICE};
  item.val.service.name = say("greeting");
  item.val.service.enabled = wanted;
  item.val.service.running = wanted;
  item.val.service.restart_for = (module_list_string_t){files, count};
  return item;
}

static bool ensure(machine_t machine, item_t *items, size_t count, failure_t *failure) {
  cellhost_state_state_list_item_t wanted = {items, count};
  cellhost_state_state_list_outcome_t outcomes;
  cellhost_state_state_error_t error;
  if (cellhost_state_state_ensure(machine, &wanted, &outcomes, &error)) return true;
  failure->tag = EXPORTS_CELLHOST_MODULE_LIFECYCLE_FAILURE_FAILED;
  if (error.tag == CELLHOST_STATE_STATE_ERROR_FAILED) {
    struct text text = {0};
    for (size_t i = 0; i < error.val.failed.troubles.len; i++) {
      cellhost_state_state_trouble_t *trouble = &error.val.failed.troubles.ptr[i];
      text_say(&text, i ? "; wish " : "wish ");
      add_number(&text, trouble->index);
      text_say(&text, ": ");
      text_add(&text, trouble->message.ptr, trouble->message.len);
    }
    failure->val.failed = text_done(&text);
  } else {
    /* Every other case holds a text and nothing else. */
    failure->val.failed = error.val.other;
  }
  return false;
}

void exports_cellhost_module_lifecycle_validate(
    exports_cellhost_module_lifecycle_list_problem_t *problems) {
  *problems = (exports_cellhost_module_lifecycle_list_problem_t){0};
  if (settings_of_all().greeting.len > 0) return;
  problems->ptr = malloc(sizeof *problems->ptr);
  problems->len = 1;
  module_string_dup(&problems->ptr->setting, "/greeting");
  module_string_dup(&problems->ptr->message, "is empty; say something");
}

void exports_cellhost_module_lifecycle_outputs(module_list_tuple2_string_string_t *outputs) {
  outputs->ptr = malloc(sizeof *outputs->ptr);
  outputs->len = 1;
  module_string_dup(&outputs->ptr->f0, "path");
  outputs->ptr->f1 = settings_of_all().file;
}

bool exports_cellhost_module_lifecycle_order(module_list_u32_t *order, failure_t *failure) {
  (void)failure;
  *order = (module_list_u32_t){0};
  return true;
}

bool exports_cellhost_module_lifecycle_apply(machine_t on, failure_t *failure) {
  struct settings settings = settings_of(on);
  module_string_t files[] = {settings.file, unit()};
  item_t directory = {.tag = CELLHOST_STATE_STATE_ITEM_DIRECTORY};
  directory.val.directory.path = settings.path;
  directory.val.directory.mode = (module_option_u16_t){true, 0755};
  item_t wanted[] = {
      directory,
      rendered(settings.file, "greeting.txt", variables_of(on, settings)),
      rendered(unit(), "greeting.service", say("{}")),
      service(true, files, COUNT(files)),
  };
  bool is_done = ensure(on, wanted, COUNT(wanted), failure);
  cellhost_machine_types_machine_drop_borrow(on);
  return is_done;
}

bool exports_cellhost_module_lifecycle_form(failure_t *failure) {
  (void)failure;
  cellhost_cell_cell_list_own_machine_t members;
  cellhost_cell_cell_members(&members);
  struct text text = {0};
  add_number(&text, members.len);
  module_string_t key = say("members"), value = text_done(&text);
  cellhost_cell_cell_publish(&key, &value);
  return true;
}

void exports_cellhost_module_lifecycle_health(
    machine_t on, exports_cellhost_module_lifecycle_condition_t *condition) {
  module_string_t argv[] = {say("systemctl"), say("is-active"), say("greeting")};
  cellhost_exec_exec_command_t command = {.argv = {argv, COUNT(argv)}, .deadline = 10000};
  module_string_t active = say("active\n");
  cellhost_exec_exec_answer_t assumed = {.output = {active.ptr, active.len}}, answer;
  cellhost_exec_exec_error_t error;
  bool is_answered = cellhost_exec_exec_probe(on, &command, &assumed, &answer, &error);
  cellhost_machine_types_machine_drop_borrow(on);
  if (is_answered && answer.status == 0) {
    condition->tag = EXPORTS_CELLHOST_MODULE_LIFECYCLE_CONDITION_HEALTHY;
    return;
  }
  condition->tag = EXPORTS_CELLHOST_MODULE_LIFECYCLE_CONDITION_DOWN;
  if (!is_answered) {
    condition->val.down = error.val.other;
    return;
  }
  struct text text = {0};
  while (answer.output.len > 0 && answer.output.ptr[answer.output.len - 1] == '\n')
    answer.output.len--;
  text_say(&text, "greeting is ");
  text_add(&text, answer.output.ptr, answer.output.len);
  condition->val.down = text_done(&text);
}

bool exports_cellhost_module_lifecycle_remove(machine_t on, bool purge, failure_t *failure) {
  struct settings settings = settings_of(on);
  item_t wanted[] = {
      service(false, NULL, 0),
      absent(unit()),
      absent(settings.file),
      absent(settings.path),
  };
  bool is_done = ensure(on, wanted, purge ? 4 : 3, failure);
  cellhost_machine_types_machine_drop_borrow(on);
  return is_done;
}
