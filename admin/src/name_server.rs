//! Name servers: their configuration, their table of keys and values, and who may write where. What changes something is told to all.

use bolide_remoting::header::{
    AddWritePermResponse, BrokerNameRequest, KvConfigRequest, PutKvConfigRequest, WipeWritePermResponse,
};
use bolide_remoting::{Body, RequestCode};

use crate::arguments::Arguments;
use crate::broker::{setting, settings};
use crate::command::{Flag, commands};
use crate::failure::Failure;
use crate::report::Report;
use crate::session::Session;

const BROKER_NAME: Flag = Flag::text('b', "brokerName", "The broker's name").required();
const NAMESPACE: Flag = Flag::text('s', "namespace", "The namespace").required();
const KEY: Flag = Flag::text('k', "key", "The key").required();
const VALUE: Flag = Flag::text('v', "value", "The new value").required();

commands! {
    "getNamesrvConfig": "Show the name servers' configuration", [],
        configuration() -> "{ADDRESS: {KEY: VALUE}}; all values are texts";
    "updateNamesrvConfig": "Change one key of the name servers' configuration", [KEY, VALUE],
        update();
    "wipeWritePerm": "Have clients send nothing more to a broker, on all name servers", [BROKER_NAME],
        permit(false);
    "addWritePerm": "Have clients send to a broker again, on all name servers", [BROKER_NAME],
        permit(true);
    "updateKvConfig": "Set a value in the name servers' table", [NAMESPACE, KEY, VALUE],
        put();
    "deleteKvConfig": "Remove a key from the name servers' table", [NAMESPACE, KEY],
        delete();
}

async fn configuration(session: &Session, _: &Arguments) -> Result<Report, Failure> {
    let mut report = Report::default();
    for server in session.name_servers() {
        let answer = session.ask(server, RequestCode::GET_NAMESRV_CONFIG, &(), Body::Empty).await?;
        report = report.with_pairs(server, settings(&answer.text(), server)?);
    }
    Ok(report)
}

async fn update(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    let mut report = Report::default();
    for server in session.name_servers() {
        let body = setting(arguments).into_bytes();
        session.ask(server, RequestCode::UPDATE_NAMESRV_CONFIG, &(), body).await?;
        report = report.with_done(format!("update name server config success, {server}"));
    }
    Ok(report)
}

async fn permit(session: &Session, arguments: &Arguments, add: bool) -> Result<Report, Failure> {
    let broker_name = arguments.text("brokerName");
    let request = BrokerNameRequest { broker_name };
    let mut report = Report::default();
    for server in session.name_servers() {
        let (verb, topics) = match add {
            true => {
                let answer = session.ask(server, RequestCode::ADD_WRITE_PERM_OF_BROKER, &request, Body::Empty).await?;
                ("add", answer.header(AddWritePermResponse::decode)?.add_topic_count)
            }
            false => {
                let answer = session.ask(server, RequestCode::WIPE_WRITE_PERM_OF_BROKER, &request, Body::Empty).await?;
                ("wipe", answer.header(WipeWritePermResponse::decode)?.wipe_topic_count)
            }
        };
        report = report
            .with_done(format!("{verb} write perm of broker[{broker_name}] in name server[{server}] OK, {topics}"));
    }
    Ok(report)
}

async fn put(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    put_value(session, arguments.text("namespace"), arguments.text("key"), arguments.text("value")).await?;
    Ok(Report::done("create or update kv config to namespace success."))
}

async fn delete(session: &Session, arguments: &Arguments) -> Result<Report, Failure> {
    delete_value(session, arguments.text("namespace"), arguments.text("key")).await?;
    Ok(Report::done("delete kv config from namespace success."))
}

/// Sets a value on all name servers.
pub(crate) async fn put_value(session: &Session, namespace: &str, key: &str, value: &str) -> Result<(), Failure> {
    for server in session.name_servers() {
        let request = PutKvConfigRequest { namespace, key, value };
        session.ask(server, RequestCode::PUT_KV_CONFIG, &request, Body::Empty).await?;
    }
    Ok(())
}

/// Removes a key from all name servers.
pub(crate) async fn delete_value(session: &Session, namespace: &str, key: &str) -> Result<(), Failure> {
    for server in session.name_servers() {
        let request = KvConfigRequest { namespace, key };
        session.ask(server, RequestCode::DELETE_KV_CONFIG, &request, Body::Empty).await?;
    }
    Ok(())
}
