//! The JSON Schema of the configuration, as the editor and `phoenix explain` show it.

use serde_json::{Value, json};

/// Returns the schema.
pub(crate) fn schema() -> Value {
    let key = json!({"type": "string", "description": "A line of an authorized_keys file."});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "base-setup",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "locale": {
                "type": "string",
                "description": "The locale of the system, with its character set.",
                "default": "en_US.UTF-8",
            },
            "timezone": {
                "type": ["string", "null"],
                "description": "The time zone of the system, for instance Europe/Berlin; the image's if not given.",
                "default": null,
            },
            "apt_sources": {
                "type": "array",
                "items": source(),
                "description": "Sources of packages beside those that the guest has, each in a file of Phoenix's own under /etc/apt/sources.list.d. They are written before packages are installed. One that is taken out of this list is not removed from guests that have it.",
                "default": [],
            },
            "apt_proxy": {
                "type": ["string", "null"],
                "description": "The proxy through which packages come, for instance http://cache.example:3142; directly if not given.",
                "default": null,
            },
            "packages": {
                "type": "array",
                "items": {"type": "string"},
                "uniqueItems": true,
                "description": "Debian packages to install.",
                "default": ["curl", "git", "gnupg", "htop", "jq", "locales", "rsync", "vim", "wget"],
            },
            "users": {
                "type": "array",
                "items": user(&key),
                "description": "User accounts beside root.",
                "default": [],
            },
            "root_ssh_keys": {
                "type": "array",
                "items": key,
                "description": "Keys that may log in as root. Keys that others have put there stay.",
                "default": [],
            },
        },
    })
}

fn source() -> Value {
    let list =
        |description: &str| json!({"type": "array", "items": {"type": "string"}, "description": description});
    let mut components = list("Its components; none for a flat repository.");
    components["default"] = json!([]);
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "uris", "suites"],
        "properties": {
            "name": {"type": "string", "description": "The name of its file, without .sources."},
            "uris": list("Where it is: http, https or file."),
            "suites": list("Its suites; ./ for a flat repository."),
            "components": components,
            "signed_by": {
                "type": ["string", "null"],
                "description": "What its signatures are checked with: an armored public key, or the path of a keyring in the guest; the keys that the guest trusts if not given.",
                "default": null,
            },
            "trusted": {
                "type": "boolean",
                "description": "Its packages are installed without a signature: for a repository that only you can write to.",
                "default": false,
            },
        },
    })
}

fn user(key: &Value) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "description": "The login name."},
            "shell": {"type": "string", "description": "The login shell.", "default": "/bin/bash"},
            "groups": {
                "type": "array",
                "items": {"type": "string"},
                "uniqueItems": true,
                "description": "Groups that it must be in; others stay.",
                "default": [],
            },
            "ssh_keys": {
                "type": "array",
                "items": key,
                "description": "Keys that may log in. Keys that others have put there stay.",
                "default": [],
            },
            "sudo": {
                "type": "boolean",
                "description": "It may do everything with sudo, without a password if it has none.",
                "default": false,
            },
            "password_hash": {
                "type": ["string", "null"],
                "description": "A reference (env:, file: or cmd:) to the crypt hash of its password, which is set when the account is made or mended.",
                "default": null,
            },
        },
    })
}
