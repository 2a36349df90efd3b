//! What an agent does: programs, files, passwords.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use phoenix_core::GuestKind;
use serde_json::json;

use super::{pass_on, ready};
use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
    },
    real::Inquiry,
    sim::{
        programs,
        world::{Body, Entry, User},
    },
    state::{config::hex, guest::Guest},
};

/// The most that a file's content may be if nothing is said.
const READ_LIMIT: usize = 16 << 20;

fn guest_of<'a>(call: &'a mut Call<'_>, kind: GuestKind, vmid: u32) -> Result<&'a mut Guest, Refusal> {
    ready(call, kind, vmid)?;
    let missing = || Refusal::failed("QEMU guest agent is not running");
    call.state.guest_mut(kind, vmid).ok_or_else(missing)
}

/// Runs a program, and keeps how it ended until it is asked for.
pub(super) fn exec(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let command = call.args.all("command");
    let input = call.args.get("input-data").map(|text| text.as_bytes().to_vec());
    let inquiry = |_: &Call<'_>| Ok(Inquiry::Exec { command: command.clone(), input: input.clone() });
    if let Some(reply) = pass_on(call, kind, vmid, inquiry) {
        return reply;
    }
    let guest = guest_of(call, kind, vmid)?;
    let ran = programs::run(&mut guest.world, &command, input.as_deref());
    let pid = guest.ran.keys().next_back().map_or(1000, |last| last + 1);
    if ran.status == 127 {
        let program = command.first().map_or("", String::as_str);
        let text =
            format!("Agent error: Failed to execute child process “{program}” (No such file or directory)");
        return Err(Refusal::failed(text));
    }
    guest.ran.insert(pid, ran);
    Ok(json!({ "pid": pid }).into())
}

pub(super) fn exec_status(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let pid = call.args.number("pid").unwrap_or(0);
    if let Some(reply) = pass_on(call, kind, vmid, |_| Ok(Inquiry::ExecStatus { pid })) {
        return reply;
    }
    let guest = guest_of(call, kind, vmid)?;
    // It is told once, as by the real agent.
    let Some(ran) = guest.ran.remove(&pid) else {
        return Err(Refusal::failed("Agent error: Invalid parameter 'pid'"));
    };
    let mut data = json!({ "exited": 1, "exitcode": ran.status });
    for (key, text) in [("out-data", ran.stdout), ("err-data", ran.stderr)] {
        if !text.is_empty() {
            data[key] = text.into();
        }
    }
    Ok(data.into())
}

pub(super) fn file_read(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let inquiry = |_: &Call<'_>| {
        Ok(Inquiry::FileRead {
            path: args.text("file").to_owned(),
            offset: args.number("offset").unwrap_or(0),
            count: args.number("count").unwrap_or(READ_LIMIT as u64),
            decode: args.get("decode") != Some("0"),
        })
    };
    if let Some(reply) = pass_on(call, kind, vmid, inquiry) {
        return reply;
    }
    let guest = guest_of(call, kind, vmid)?;
    let path = args.text("file");
    let Some(text) = guest.world.text(path) else {
        let text =
            format!("Agent error: failed to open file '{path}' (mode: 'r'): No such file or directory");
        return Err(Refusal::failed(text));
    };
    let number = |key: &str| args.number(key).and_then(|number| usize::try_from(number).ok());
    let bytes = text.as_bytes().get(number("offset").unwrap_or(0)..).unwrap_or_default();
    let part = &bytes[..bytes.len().min(number("count").unwrap_or(READ_LIMIT))];
    let content = match args.get("decode") {
        Some("0") => STANDARD.encode(part),
        _ => String::from_utf8_lossy(part).into_owned(),
    };
    let mut data = json!({ "content": content, "bytes-read": part.len() });
    if part.len() < bytes.len() {
        data["truncated"] = 1.into();
    }
    Ok(data.into())
}

pub(super) fn file_write(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let args = call.args.clone();
    let content = match args.get("encode") {
        Some("0") => STANDARD
            .decode(args.text("content"))
            .map_err(|_| Refusal::failed("Agent error: Invalid parameter 'buf-b64'"))?,
        _ => args.text("content").as_bytes().to_vec(),
    };
    let path = args.text("file");
    let inquiry = |_: &Call<'_>| Ok(Inquiry::FileWrite { path: path.to_owned(), content: content.clone() });
    if let Some(reply) = pass_on(call, kind, vmid, inquiry) {
        return reply;
    }
    let guest = guest_of(call, kind, vmid)?;
    let body = match String::from_utf8(content) {
        Ok(text) => Body::Text(text),
        Err(error) => {
            use sha2::{Digest as _, Sha256};
            Body::Opaque { sha256: hex(&Sha256::digest(error.as_bytes())) }
        }
    };
    let entry = match guest.world.file(path) {
        Some(entry) if entry.body.is_directory() => {
            let text = format!("Agent error: failed to open file '{path}' (mode: 'wb'): Is a directory");
            return Err(Refusal::failed(text));
        }
        Some(entry) => Entry { body, ..entry.clone() },
        None => Entry::root(0o644, body),
    };
    guest.world.place(path, entry);
    Ok(Answer::null())
}

pub(super) fn set_password(call: &mut Call<'_>, kind: GuestKind, vmid: u32) -> Reply {
    let name = call.args.text("username").to_owned();
    let inquiry = |call: &Call<'_>| {
        Ok(Inquiry::Password {
            user: call.args.text("username").to_owned(),
            password: call.args.text("password").to_owned(),
            crypted: call.args.flag("crypted"),
        })
    };
    if let Some(reply) = pass_on(call, kind, vmid, inquiry) {
        return reply;
    }
    let guest = guest_of(call, kind, vmid)?;
    let Some(user) = guest.world.user(&name).cloned() else {
        return Err(Refusal::failed("Agent error: child process has failed to set user password"));
    };
    guest.world.put_user(&name, Some(User { password: true, ..user }));
    Ok(json!({ "result": {} }).into())
}
