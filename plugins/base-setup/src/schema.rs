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
