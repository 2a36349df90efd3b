//! The calls on groups.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Refusal, Reply},
        router::{Handler, Routes},
    },
    state::access::Group,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /access/groups", Handler::Plain(list)),
    ("POST /access/groups", Handler::Plain(create)),
    ("GET /access/groups/{groupid}", Handler::Plain(read)),
    ("PUT /access/groups/{groupid}", Handler::Plain(update)),
    ("DELETE /access/groups/{groupid}", Handler::Plain(delete)),
];

fn list(call: &mut Call<'_>) -> Reply {
    const PRIVS: &[&str] = &["User.Modify", "Sys.Audit", "Group.Allocate"];
    let groups = call.state.access.groups.iter();
    let rows = groups.filter(|(name, _)| call.may_any(&format!("/access/groups/{name}"), PRIVS)).map(
        |(name, group)| {
            let members: Vec<&str> = group.members.iter().map(String::as_str).collect();
            let mut row = json!({ "groupid": name, "users": members.join(",") });
            if let Some(comment) = &group.comment {
                row["comment"] = comment.as_str().into();
            }
            row
        },
    );
    Ok(rows.collect::<Value>().into())
}

fn create(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("groupid").to_owned();
    let comment = call.args.get("comment").filter(|text| !text.is_empty()).map(str::to_owned);
    if call.state.access.groups.contains_key(&name) {
        return Err(Refusal::failed(format!("create group failed: group '{name}' already exists")));
    }
    call.state.access.groups.insert(name, Group { comment, ..Group::default() });
    Ok(Answer::null())
}

fn read(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("groupid");
    let group = call.state.access.groups.get(name).ok_or_else(|| Refusal::failed(missing(name)))?;
    let mut data = json!({ "members": group.members });
    if let Some(comment) = &group.comment {
        data["comment"] = comment.as_str().into();
    }
    Ok(data.into())
}

fn update(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("groupid").to_owned();
    let comment = call.args.get("comment").map(str::to_owned);
    let Some(group) = call.state.access.groups.get_mut(&name) else {
        return Err(Refusal::failed(format!("update group failed: {}", missing(&name))));
    };
    if let Some(comment) = comment {
        group.comment = Some(comment).filter(|text| !text.is_empty());
    }
    Ok(Answer::null())
}

fn delete(call: &mut Call<'_>) -> Reply {
    let name = call.args.text("groupid").to_owned();
    if !call.state.access.groups.contains_key(&name) {
        return Err(Refusal::failed(format!("delete group failed: {}", missing(&name))));
    }
    call.state.access.remove_group(&name);
    Ok(Answer::null())
}

fn missing(name: &str) -> String {
    format!("group '{name}' does not exist")
}
