//! Endpoints: the four types of places that notifications go to.

use super::{create, delete, list, read, update};
use crate::api::{
    Call,
    router::{Handler, Routes},
};

/// The calls of this module.
pub(crate) const ROUTES: Routes = &[
    ("GET /cluster/notifications/endpoints/gotify", Handler::Plain(|call| list(call, kind(call)))),
    ("POST /cluster/notifications/endpoints/gotify", Handler::Plain(|call| create(call, kind(call)))),
    ("GET /cluster/notifications/endpoints/gotify/{name}", Handler::Plain(|call| read(call, kind(call)))),
    ("PUT /cluster/notifications/endpoints/gotify/{name}", Handler::Plain(|call| update(call, kind(call)))),
    (
        "DELETE /cluster/notifications/endpoints/gotify/{name}",
        Handler::Plain(|call| delete(call, kind(call))),
    ),
    ("GET /cluster/notifications/endpoints/sendmail", Handler::Plain(|call| list(call, kind(call)))),
    ("POST /cluster/notifications/endpoints/sendmail", Handler::Plain(|call| create(call, kind(call)))),
    ("GET /cluster/notifications/endpoints/sendmail/{name}", Handler::Plain(|call| read(call, kind(call)))),
    ("PUT /cluster/notifications/endpoints/sendmail/{name}", Handler::Plain(|call| update(call, kind(call)))),
    (
        "DELETE /cluster/notifications/endpoints/sendmail/{name}",
        Handler::Plain(|call| delete(call, kind(call))),
    ),
    ("GET /cluster/notifications/endpoints/smtp", Handler::Plain(|call| list(call, kind(call)))),
    ("POST /cluster/notifications/endpoints/smtp", Handler::Plain(|call| create(call, kind(call)))),
    ("GET /cluster/notifications/endpoints/smtp/{name}", Handler::Plain(|call| read(call, kind(call)))),
    ("PUT /cluster/notifications/endpoints/smtp/{name}", Handler::Plain(|call| update(call, kind(call)))),
    ("DELETE /cluster/notifications/endpoints/smtp/{name}", Handler::Plain(|call| delete(call, kind(call)))),
    ("GET /cluster/notifications/endpoints/webhook", Handler::Plain(|call| list(call, kind(call)))),
    ("POST /cluster/notifications/endpoints/webhook", Handler::Plain(|call| create(call, kind(call)))),
    ("GET /cluster/notifications/endpoints/webhook/{name}", Handler::Plain(|call| read(call, kind(call)))),
    ("PUT /cluster/notifications/endpoints/webhook/{name}", Handler::Plain(|call| update(call, kind(call)))),
    (
        "DELETE /cluster/notifications/endpoints/webhook/{name}",
        Handler::Plain(|call| delete(call, kind(call))),
    ),
];

/// Returns the type of endpoint that a call is about.
fn kind(call: &Call<'_>) -> &'static str {
    call.entry.key.split('/').nth(4).unwrap_or_default()
}
