/* A plugin of Phoenix in plain C: its feature `motd` says what a guest greets with, in /etc/motd.
 *
 * It is one function from JSON to JSON. It allocates what it answers with, keeps nothing between calls, and reads neither
 * clock nor environment: the same question has the same answer. What it cannot do is a finding, not a crash. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "phoenix_plugin.h"

PHOENIX_MANIFEST(
    "{"
    "\"protocol\":1,"
    "\"name\":\"motd\","
    "\"version\":\"1.0.0\","
    "\"phoenix\":\"^0.1\","
    "\"capabilities\":{\"files\":[\"/etc/motd\"]},"
    "\"features\":[{"
    "\"name\":\"motd\","
    "\"summary\":\"says what a guest greets with who logs in\","
    "\"sites\":[\"lxc\",\"vm\"],"
    "\"config_schema\":{"
    "\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"message\"],"
    "\"properties\":{\"message\":{\"type\":\"string\",\"maxLength\":1000,\"description\":\"The greeting.\"}}},"
    "\"examples\":[{\"message\":\"hello\"},{\"message\":\"two\\nlines, \\\"quoted\\\"\"}]"
    "}]}");

/* The longest message in its escaped form: Phoenix tells the text of no file that is larger than 64 KiB. */
enum { LONGEST = 32768 };

/* JSON, as far as it is needed. What comes in was written by Phoenix, so it is well formed; a text is compared and copied
 * in its escaped form, which is always the same for the same text. */

static const char *space(const char *at) {
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
        at++;
    return at;
}

/* Returns what follows a value. */
static const char *after(const char *at) {
    int depth = 0;
    do {
        at = space(at);
        if (*at == '"') {
            for (at++; *at && *at != '"'; at++)
                if (*at == '\\' && at[1])
                    at++;
            at += *at == '"';
        } else if (*at == '{' || *at == '[') {
            depth++, at++;
        } else if (*at == '}' || *at == ']') {
            depth--, at++;
        } else if (*at) {
            at++;
            while (*at && !strchr(" \t\r\n,:]}\"[{", *at))
                at++;
        } else {
            return at;
        }
    } while (depth > 0);
    return at;
}

/* Returns the value of a key of an object, or NULL. */
static const char *get(const char *object, const char *key) {
    if (!object || *object != '{')
        return NULL;
    for (const char *at = space(object + 1); *at == '"';) {
        const char *name = at, *end = after(at), *value = space(space(end) + 1);
        if ((size_t)(end - name) == strlen(key) + 2 && !strncmp(name + 1, key, strlen(key)))
            return value;
        at = space(after(value));
        if (*at == ',')
            at = space(at + 1);
    }
    return NULL;
}

/* Tells whether a value is this text, in its escaped form and with its quotes. */
static int is(const char *value, const char *text) {
    return value && (size_t)(after(value) - value) == strlen(text) && !strncmp(value, text, strlen(text));
}

/* What is answered. */

struct text {
    char *start;
    size_t size;
    int failed;
};

static void add_part(struct text *to, const char *from, size_t size) {
    char *grown = to->failed ? NULL : realloc(to->start, to->size + size + 1);
    if (!grown) {
        to->failed = 1;
        return;
    }
    memcpy(grown + to->size, from, size);
    to->start = grown;
    to->size += size;
    grown[to->size] = 0;
}

static void add(struct text *to, ...) {
    va_list parts;
    va_start(parts, to);
    for (const char *part; (part = va_arg(parts, const char *));)
        add_part(to, part, strlen(part));
    va_end(parts);
}

static void refuse(struct text *to, const char *why) {
    add(to, "{\"findings\":[{\"severity\":\"error\",\"code\":\"feature-config\",\"message\":\"feature `motd`: ", why,
        "\",\"hint\":\"`phoenix explain motd` shows every key that it knows\"}]}", NULL);
}

/* Returns the state of /etc/motd among the facts, or NULL if it is not there. There is only one question that this plugin
 * asks, so every fact is the answer to it: a pair of the question and the answer. */
static const char *known(const char *facts) {
    if (!facts || *facts != '[')
        return NULL;
    const char *pair = space(facts + 1);
    if (*pair != '[')
        return NULL;
    const char *answer = space(space(after(space(pair + 1))) + 1);
    return is(get(answer, "evidence"), "\"file\"") ? answer : NULL;
}

static void plan(struct text *to, const char *site, const char *wanted, const char *facts) {
    const char *found = known(facts);
    if (found && is(get(found, "text"), wanted) && is(get(found, "mode"), "420") && is(get(found, "owner"), "\"root\"")) {
        add(to, "{\"steps\":[]}", NULL);
        return;
    }
    add(to, "{\"steps\":[{\"id\":\"", site, ":motd:write\",\"resource\":\"", site,
        "\",\"phase\":\"provision\",\"action\":\"write-file\",\"site\":\"", site,
        "\",\"path\":\"/etc/motd\",\"content\":{\"text\":", wanted,
        "},\"mode\":420,\"owner\":\"root\",\"group\":\"root\",\"reason\":\"",
        found ? "`/etc/motd` is another" : "`/etc/motd` is missing", "\"}]}", NULL);
}

static void answer_to(struct text *to, const char *request) {
    const char *config = get(request, "config"), *message = get(config, "message"), *call = get(request, "call");
    const char *site = get(request, "site");
    if (!message) {
        refuse(to, "the key `message` is missing");
    } else if (*message != '"') {
        refuse(to, "`message` wants a text");
    } else if (after(message) - message > LONGEST) {
        refuse(to, "`message` is too long");
    } else if (*space(after(message)) != '}' || message != space(space(after(space(config + 1))) + 1)) {
        refuse(to, "`message` is the only key that it knows");
    } else if (is(call, "\"claims\"")) {
        add(to, "{\"claims\":[]}", NULL);
    } else if (!site || *site != '"') {
        refuse(to, "it is asked about no site");
    } else {
        /* The site without its quotes, and the message with an end of line before its last one. */
        struct text place = {0}, wanted = {0};
        add_part(&place, site + 1, (size_t)(after(site) - site) - 2);
        add_part(&wanted, message, (size_t)(after(message) - message) - 1);
        add(&wanted, "\\n\"", NULL);
        if (place.failed || wanted.failed)
            to->failed = 1;
        else if (is(call, "\"probes\""))
            add(to, "{\"probes\":[{\"probe\":\"file\",\"site\":\"", place.start, "\",\"path\":\"/etc/motd\"}]}", NULL);
        else
            plan(to, place.start, wanted.start, get(request, "facts"));
        free(place.start);
        free(wanted.start);
    }
}

static int32_t call(const uint8_t *request, size_t request_size, uint8_t **answer, size_t *answer_size) {
    struct text question = {0}, to = {0};
    add_part(&question, (const char *)request, request_size);
    if (!question.failed)
        answer_to(&to, space(question.start));
    free(question.start);
    if (question.failed || to.failed) {
        free(to.start);
        return 1;
    }
    *answer = (uint8_t *)to.start;
    *answer_size = to.size;
    return 0;
}

static void release(uint8_t *answer, size_t answer_size) {
    (void)answer_size;
    free(answer);
}

PHOENIX_PLUGIN(call, release);
