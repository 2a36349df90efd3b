/* What a plugin of Phoenix exports, for C and whatever speaks C. docs/plugins.md tells the rest.
 *
 * A plugin is a shared library with two things in it: a manifest, which PHOENIX_MANIFEST puts into a section of its own,
 * and one constant of the name `phoenix_plugin`, which PHOENIX_PLUGIN defines. JSON goes in, JSON goes out. */
#ifndef PHOENIX_PLUGIN_H
#define PHOENIX_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

/* The version of this contract. */
#define PHOENIX_PROTOCOL 1

struct phoenix_table {
    uint32_t size;     /* of all this, in bytes */
    uint32_t protocol; /* PHOENIX_PROTOCOL */
    /* Answers a call: reads the JSON at `request` and lets `*answer` point to JSON of its own, which stays there until it
     * is given to `release`. Returns 0 if it did; anything else is a fault. What it answers depends on the request alone. */
    int32_t (*call)(const uint8_t *request, size_t request_size, uint8_t **answer, size_t *answer_size);
    /* Takes an answer back. */
    void (*release)(uint8_t *answer, size_t answer_size);
};

/* Puts a manifest, a constant text of JSON, where Phoenix finds it without opening the library. */
#define PHOENIX_MANIFEST(json)                                                                                         \
    __attribute__((section(".phoenix.plugin"), used)) static const char phoenix_manifest[] = "phoenix-plugin\n" json

/* Exports the two functions. */
#define PHOENIX_PLUGIN(call, release)                                                                                  \
    __attribute__((visibility("default"))) const struct phoenix_table phoenix_plugin = {                               \
        sizeof(struct phoenix_table), PHOENIX_PROTOCOL, call, release}

#endif
