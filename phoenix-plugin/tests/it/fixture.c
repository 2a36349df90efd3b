/* A plugin that does what its configuration says, good or bad. The macros say what is wrong with the file itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "phoenix_plugin.h"

#ifndef NAME
#define NAME "fixture"
#endif
#ifndef FEATURE
#define FEATURE "fixture"
#endif
#ifndef PHOENIX
#define PHOENIX "^0.1"
#endif
#ifndef PROTOCOL
#define PROTOCOL PHOENIX_PROTOCOL
#endif
#ifndef SIZE
#define SIZE sizeof(struct phoenix_table)
#endif
#ifndef CAPABILITIES
#define CAPABILITIES "{\"files\":[\"/etc/motd\"]}"
#endif

#ifndef SCHEMA
#define SCHEMA "{\"type\":\"object\"}"
#endif

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

#ifndef MANIFEST
#define MANIFEST                                                                                                       \
    "{\"protocol\":" TEXT(PROTOCOL) ",\"name\":\"" NAME "\",\"version\":\"1.0.0\",\"phoenix\":\"" PHOENIX              \
    "\",\"capabilities\":" CAPABILITIES ",\"features\":[{\"name\":\"" FEATURE "\",\"summary\":\"tries things\","       \
    "\"sites\":[\"lxc\"],\"config_schema\":" SCHEMA ",\"examples\":[{}]}]}"
#endif

#ifndef NO_SECTION
PHOENIX_MANIFEST(MANIFEST);
#endif

static uint8_t *request_text;

static int asks(const char *word) {
    return strstr((const char *)request_text, word) != NULL;
}

static int32_t give(const char *text, uint8_t **answer, size_t *answer_size) {
    *answer = (uint8_t *)strdup(text);
    *answer_size = strlen(text);
    return 0;
}

static const char *steps(void) {
    if (asks("\"evidence\":\"file\""))
        return "{\"steps\":[]}";
    if (asks("\"do\":\"outside\""))
        return "{\"steps\":[{\"id\":\"lxc/101:" FEATURE ":delete\",\"resource\":\"lxc/101\",\"phase\":\"provision\","
               "\"action\":\"delete\",\"guest\":\"lxc/101\",\"reason\":\"r\"}]}";
    if (asks("\"do\":\"elsewhere\""))
        return "{\"steps\":[{\"id\":\"lxc/101:" FEATURE ":write\",\"resource\":\"lxc/101\",\"phase\":\"provision\","
               "\"action\":\"write-file\",\"site\":\"lxc/102\",\"path\":\"/etc/motd\",\"content\":{\"text\":\"x\"},"
               "\"mode\":420,\"owner\":\"root\",\"group\":\"root\",\"reason\":\"r\"}]}";
    if (asks("\"do\":\"shadow\""))
        return "{\"steps\":[{\"id\":\"lxc/101:" FEATURE ":write\",\"resource\":\"lxc/101\",\"phase\":\"provision\","
               "\"action\":\"write-file\",\"site\":\"lxc/101\",\"path\":\"/etc/shadow\",\"content\":{\"text\":\"x\"},"
               "\"mode\":420,\"owner\":\"root\",\"group\":\"root\",\"reason\":\"r\"}]}";
    return "{\"steps\":[{\"id\":\"lxc/101:" FEATURE ":write\",\"resource\":\"lxc/101\",\"phase\":\"provision\","
           "\"action\":\"write-file\",\"site\":\"lxc/101\",\"path\":\"/etc/motd\",\"content\":{\"text\":\"hello\\n\"},"
           "\"mode\":420,\"owner\":\"root\",\"group\":\"root\",\"reason\":\"r\"}]}";
}

/* Tells through a finding what the process has. */
static int32_t confess(uint8_t **answer, size_t *answer_size) {
    extern char **environ;
    char text[1024], directory[256] = "?";
    struct rlimit files;
    FILE *passwd = fopen("/etc/passwd", "r"), *written = fopen("written", "w");
    getrlimit(RLIMIT_NOFILE, &files);
    if (!getcwd(directory, sizeof directory))
        strcpy(directory, "none");
    snprintf(text, sizeof text,
             "{\"findings\":[{\"severity\":\"error\",\"code\":\"confession\",\"message\":\"environment %s, directory %s, "
             "files %lu, passwd %s, writing %s\"}]}",
             environ && environ[0] ? environ[0] : "empty", strstr(directory, "phoenix-plugin-") ? "own" : directory,
             (unsigned long)files.rlim_cur, passwd ? "read" : "refused", written ? "allowed" : "refused");
    return give(text, answer, answer_size);
}

static int32_t call(const uint8_t *request, size_t request_size, uint8_t **answer, size_t *answer_size) {
    free(request_text);
    request_text = malloc(request_size + 1);
    memcpy(request_text, request, request_size);
    request_text[request_size] = 0;
#ifdef IMPURE
    if (asks("\"call\":\"plan\"") && !asks("\"evidence\":\"file\"")) {
        char text[512];
        snprintf(text, sizeof text,
                 "{\"steps\":[{\"id\":\"lxc/101:" FEATURE ":write\",\"resource\":\"lxc/101\",\"phase\":\"provision\","
                 "\"action\":\"write-file\",\"site\":\"lxc/101\",\"path\":\"/etc/motd\",\"content\":{\"text\":\"x\"},"
                 "\"mode\":420,\"owner\":\"root\",\"group\":\"root\",\"reason\":\"at %ld\"}]}",
                 (long)time(NULL));
        return give(text, answer, answer_size);
    }
#endif
    if (asks("\"call\":\"claims\""))
        return give(asks("\"do\":\"claim\"") ? "{\"claims\":[{\"claim\":\"nesting\"}]}" : "{\"claims\":[]}", answer,
                    answer_size);
    if (asks("\"call\":\"probes\""))
        return give("{\"probes\":[{\"probe\":\"file\",\"site\":\"lxc/101\",\"path\":\"/etc/motd\"}]}", answer,
                    answer_size);
    if (asks("\"do\":\"abort\"")) {
        fprintf(stderr, "something \033[31mbroke\n");
        abort();
    }
    if (asks("\"do\":\"exit\""))
        exit(0);
    if (asks("\"do\":\"fault\""))
        return 7;
    if (asks("\"do\":\"nothing\""))
        return 0;
    if (asks("\"do\":\"segfault\""))
        *(volatile int *)8 = 1;
    if (asks("\"do\":\"hang\""))
        for (;;)
            pause();
    if (asks("\"do\":\"spin\""))
        for (volatile int i = 0;; i++) {
        }
    if (asks("\"do\":\"garbage\""))
        return give("\377\376 no JSON", answer, answer_size);
    if (asks("\"do\":\"other\""))
        return give("{\"claims\":[]}", answer, answer_size);
    if (asks("\"do\":\"print\""))
        printf("printing goes nowhere near the answers\n"), fflush(stdout);
    if (asks("\"do\":\"large\"")) {
        *answer = calloc(1, 20 << 20);
        *answer_size = 20 << 20;
        return 0;
    }
    if (asks("\"do\":\"confess\""))
        return confess(answer, answer_size);
    return give(steps(), answer, answer_size);
}

static void release(uint8_t *answer, size_t answer_size) {
    (void)answer_size;
    free(answer);
}

#ifdef MISSING
extern void nobody_has_this(void);
__attribute__((constructor)) static void begin(void) {
    nobody_has_this();
}
#endif

#ifdef NO_TABLE
int32_t (*unused)(const uint8_t *, size_t, uint8_t **, size_t *) = call;
void (*unused_too)(uint8_t *, size_t) = release;
#else
#ifdef NO_CALL
#define CALL NULL
#else
#define CALL call
#endif
__attribute__((visibility("default"))) const struct phoenix_table phoenix_plugin = {SIZE, PROTOCOL, CALL, release};
#endif
