//! Users of brokers that check who asks.

use bolide_remoting::body::{UserInfo, encode};
use bolide_remoting::header::{ListUsersRequest, UserRequest};
use bolide_remoting::{Body, RequestCode, ResponseCode};

use crate::arguments::Arguments;
use crate::command::{BROKER, CLUSTER, Flag, commands};
use crate::failure::Failure;
use crate::report::Report;
use crate::row;
use crate::session::{Session, tell_all};
use crate::table::Column;

const NAME: Flag = Flag::text('u', "username", "The user").required();
const PASSWORD: Flag = Flag::text('p', "password", "The password");
const TYPE: Flag = Flag::text('t', "userType", "Super or Normal");
/// Where users are copied from.
pub(crate) const FROM: Flag = Flag::text('f', "fromBroker", "The address of the broker to copy from").required();
/// Where users are copied to.
pub(crate) const TO: Flag = Flag::text('t', "toBroker", "The address of the broker to copy to").required();

commands! {
    "createUser": "Create a user", [BROKER, CLUSTER, NAME, PASSWORD.required(), TYPE],
        set(RequestCode::AUTH_CREATE_USER, "create");
    "updateUser": "Change a user's password, type or status",
        [BROKER, CLUSTER, NAME, PASSWORD, TYPE, Flag::text('s', "userStatus", "enable or disable")],
        set(RequestCode::AUTH_UPDATE_USER, "update");
    "deleteUser": "Remove a user and what it may do", [BROKER, CLUSTER, NAME],
        delete();
    "getUser": "Show a user", [BROKER, CLUSTER, NAME],
        get() -> "[{username, password, userType, userStatus}]";
    "listUser": "List users", [BROKER, CLUSTER, Flag::text('f', "filter", "Only names with this in them")],
        list() -> "[{username, password, userType, userStatus}]";
    "copyUser": "Copy users from one broker to another",
        [FROM, TO, Flag::text('u', "usernames", "Only these, with commas between them")],
        copy();
}

fn request(name: &str) -> UserRequest<'_> {
    UserRequest { username: Some(name) }
}

async fn set(session: &Session, arguments: &Arguments, code: RequestCode, verb: &str) -> Result<Report, Failure> {
    let given = |flag| arguments.optional(flag).map(str::to_owned);
    let user = UserInfo {
        username: given("username"),
        password: given("password"),
        user_type: given("userType"),
        user_status: given("userStatus"),
    };
    let brokers = session.place(arguments).await?;
    tell_all(session, &brokers, code, &request(arguments.text("username")), encode(&user), |broker| {
        format!("{verb} user to {} success.", broker.address)
    })
    .await
}

async fn delete(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let brokers = session.place(arguments).await?;
    let request = request(arguments.text("username"));
    tell_all(session, &brokers, RequestCode::AUTH_DELETE_USER, &request, Body::Empty, |broker| {
        format!("delete user to {} success.", broker.address)
    })
    .await
}

const COLUMNS: &[Column] =
    &[("#UserName", "username"), ("#Password", "password"), ("#UserType", "userType"), ("#UserStatus", "userStatus")];

/// Users; masters of one cluster have the same, the first that has any is enough.
fn table(users: Vec<UserInfo>) -> Report {
    let rows = users.into_iter().map(|user| row![user.username, user.password, user.user_type, user.user_status]);
    Report::table(COLUMNS, rows.collect())
}

async fn find(session: &Session, address: &str, name: &str) -> Result<Option<UserInfo>, Failure> {
    session.find(address, RequestCode::AUTH_GET_USER, &request(name), ResponseCode::USER_NOT_EXIST).await
}

async fn get(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let name = arguments.text("username");
    for broker in session.place(arguments).await? {
        if let Some(user) = find(session, &broker.address, name).await? {
            return Ok(table(vec![user]));
        }
    }
    Err(Failure::usage(format!("there is no user {name}; `mqadmin listUser` lists them")))
}

async fn list_of(session: &Session, address: &str, filter: Option<&str>) -> Result<Vec<UserInfo>, Failure> {
    let answer = session.ask(address, RequestCode::AUTH_LIST_USER, &ListUsersRequest { filter }, Body::Empty).await?;
    if answer.bytes().is_empty() { Ok(Vec::new()) } else { answer.body() }
}

async fn list(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    for broker in session.place(arguments).await? {
        let users = list_of(session, &broker.address, arguments.optional("filter")).await?;
        if !users.is_empty() {
            return Ok(table(users));
        }
    }
    Ok(table(Vec::new()))
}

async fn copy(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let (from, to) = (arguments.text("fromBroker"), arguments.text("toBroker"));
    let wanted = arguments.list("usernames");
    let mut users = list_of(session, from, None).await?;
    users.retain(|user| wanted.is_empty() || user.username.as_ref().is_some_and(|name| wanted.contains(name)));
    let mut report = Report::default();
    for user in users {
        let name = user.username.as_deref().unwrap_or_default();
        let code = match find(session, to, name).await? {
            Some(_) => RequestCode::AUTH_UPDATE_USER,
            None => RequestCode::AUTH_CREATE_USER,
        };
        session.ask(to, code, &request(name), encode(&user)).await?;
        report = report.with_done(format!("copy user of {name} from {from} to {to} success."));
    }
    Ok(report)
}
