//! The calls that tell what a node did: its log, its journal, its traffic, its history, and a report of it all.

use serde_json::{Value, json};

use crate::{
    api::{
        Call,
        reply::{Answer, Reply},
        router::{Handler, Routes},
        storage::state::moments,
    },
    state::{
        backup::{clock, date},
        config,
        task::Task,
    },
    work::config_memory,
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /nodes/{node}/syslog", Handler::Plain(syslog)),
    ("GET /nodes/{node}/journal", Handler::Plain(journal)),
    ("GET /nodes/{node}/netstat", Handler::Plain(traffic)),
    ("GET /nodes/{node}/rrddata", Handler::Plain(history)),
    ("GET /nodes/{node}/report", Handler::Plain(report)),
];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Returns what the node's daemons said, oldest first, each line with its time: when it came up, and every task.
fn lines(call: &Call<'_>) -> Vec<(u64, String)> {
    let node = call.node();
    let line = |time: u64, unit: &str, pid: u32, text: &str| {
        let date = date(time);
        let month = MONTHS[usize::from(u8::from(date.month())) - 1];
        let (hour, minute, second) = date.to_hms();
        let day = date.day();
        (time, format!("{month} {day:02} {hour:02}:{minute:02}:{second:02} {node} {unit}[{pid}]: {text}"))
    };
    let booted = call.state.booted;
    let mut lines = vec![
        line(booted, "systemd-journald", 87, "Journal started"),
        line(booted, "systemd", 1, "Started pveproxy.service - PVE API Proxy Server."),
    ];
    let active = call.state.active.values();
    for task in call.state.archive.iter().map(|task| &**task).chain(active) {
        let Task { upid, user, starttime, pid, .. } = task;
        lines.push(line(*starttime, "pvedaemon", *pid, &format!("<{user}> starting task {upid}")));
        if let (Some(end), Some(status)) = (task.endtime, &task.exitstatus) {
            lines.push(line(end, "pvedaemon", *pid, &format!("<{user}> end task {upid} {status}")));
        }
    }
    lines.sort_by_key(|(time, _)| *time);
    lines
}

fn syslog(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let is_wanted = |time: u64, text: &str| {
        let stamp = clock(time);
        args.get("since").is_none_or(|since| stamp.as_str() >= since)
            && args.get("until").is_none_or(|until| stamp.as_str() <= until)
            && args.get("service").is_none_or(|service| text.contains(&format!(" {service}[")))
    };
    let all: Vec<String> =
        lines(call).into_iter().filter(|(time, text)| is_wanted(*time, text)).map(|(_, text)| text).collect();
    Ok(page(&args, &all))
}

/// Returns a part of some lines, numbered, with how many there are in all.
pub(crate) fn page(args: &crate::api::Args, lines: &[String]) -> Answer {
    let number = |key: &str| args.number(key).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let start = number("start").unwrap_or(0);
    let limit = match number("limit").unwrap_or(50) {
        0 => usize::MAX,
        limit => limit,
    };
    let rows: Vec<Value> = lines
        .iter()
        .enumerate()
        .skip(start)
        .take(limit)
        .map(|(at, line)| json!({ "n": at + 1, "t": line }))
        .collect();
    Answer::counted(rows.into(), lines.len())
}

fn journal(call: &mut Call<'_>) -> Reply {
    let args = call.args.clone();
    let mut all: Vec<(u64, String)> = lines(call);
    all.retain(|(time, _)| {
        args.number("since").is_none_or(|since| *time >= since)
            && args.number("until").is_none_or(|until| *time <= until)
    });
    let last = args.number("lastentries").and_then(|count| usize::try_from(count).ok());
    let skip = last.map_or(0, |last| all.len().saturating_sub(last));
    let rows: Vec<Value> = all.into_iter().skip(skip).map(|(_, text)| text.into()).collect();
    Ok(Value::from(rows).into())
}

fn traffic(call: &mut Call<'_>) -> Reply {
    let running = call.state.guests.values().filter(|guest| guest.running);
    let rows: Vec<Value> = running
        .flat_map(|guest| {
            let nets = guest.config.keys().filter(|key| config::split_index(key).0 == "net");
            nets.map(|key| json!({ "vmid": guest.vmid.to_string(), "dev": key, "in": "0", "out": "0" }))
        })
        .collect();
    Ok(Value::from(rows).into())
}

fn history(call: &mut Call<'_>) -> Reply {
    let used: u64 =
        call.state.guests.values().filter(|guest| guest.running).map(|guest| config_memory(guest) / 4).sum();
    let disk = call.state.used("local");
    let total = call.state.storages.get("local").map_or(0, |storage| storage.total);
    let (booted, memory, cores) = (call.state.booted, call.state.memory, call.state.cores);
    let rows: Vec<Value> = moments(call.args.text("timeframe"))
        .map(|time| match time >= booted {
            true => {
                json!({ "time": time, "cpu": 0, "maxcpu": cores, "iowait": 0, "loadavg": 0, "memused": used,
                "memtotal": memory, "swapused": 0, "swaptotal": 0, "netin": 0, "netout": 0, "rootused": disk,
                "roottotal": total })
            }
            false => json!({ "time": time }),
        })
        .collect();
    Ok(Value::from(rows).into())
}

fn report(call: &mut Call<'_>) -> Reply {
    let host = call.state.host_of(&call.node());
    let network = crate::state::host::network_text(&host.network);
    let storages: String = call
        .state
        .storages
        .iter()
        .map(|(name, storage)| {
            format!("{}: {name}\n\tcontent {}\n\n", storage.plugin, storage.content_list())
        })
        .collect();
    let guests: String = call
        .state
        .guests
        .values()
        .map(|guest| format!("{} {} {}\n", guest.kind.api_name(), guest.vmid, guest.name()))
        .collect();
    let text = format!(
        "\n==== general system info ====\n\n# hostname\n{}\n\n# cat /etc/hosts\n{}\n==== storage info ====\n\n# cat \
         /etc/pve/storage.cfg\n{storages}\n==== guest info ====\n\n{guests}\n==== network info ====\n\n{network}",
        call.node(),
        host.names
    );
    Ok(Value::from(text).into())
}
