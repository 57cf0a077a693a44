//! Connections to name servers and brokers, and the questions that many commands ask: routes, the cluster, which brokers a command
//! means. One connection for each server, made when it is needed first.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{ErrorKind, Write as _};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bolide_remoting::body::{ClusterInfo, TopicRouteData, decode};
use bolide_remoting::field_writer::pairs;
use bolide_remoting::header::GetRouteInfoRequest;
use bolide_remoting::signing::Credentials;
use bolide_remoting::tls::{ClientTls, DEFAULT_TLS_FILE, TlsSettings};
use bolide_remoting::{
    Body, Client, ClientOptions, FieldError, FieldSource, Fields, Message, RequestCode, ResponseCode,
};
use bytes::Bytes;

use crate::arguments::Arguments;
use crate::credentials;
use crate::failure::Failure;
use crate::report::Report;

/// Where a server is that was started without any configuration.
const DEFAULT_NAME_SERVER: &str = "127.0.0.1:9876";
const DEFAULT_TIMEOUT_MS: i64 = 30_000;

/// The id of a master.
const MASTER: i64 = 0;

/// What a command asks servers with, and writes its report to.
pub(crate) struct Session {
    name_servers: Vec<String>,
    options: ClientOptions,
    timeout: Duration,
    credentials: Option<Credentials>,
    clients: RefCell<HashMap<String, Rc<Client>>>,
    json: bool,
}

/// A server's answer, with what is needed to say where it came from.
pub(crate) struct Answer {
    pub(crate) server: String,
    request: RequestCode,
    message: Message,
}

/// One broker that a command means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broker {
    pub(crate) cluster: String,
    /// Empty where only the address was given.
    pub(crate) name: String,
    /// 0 is a master.
    pub(crate) id: i64,
    pub(crate) address: String,
}

impl Session {
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let variable = std::env::var("NAMESRV_ADDR").unwrap_or_default();
        let given = arguments.optional("namesrvAddr").unwrap_or(&variable);
        let mut name_servers: Vec<String> =
            given.split([';', ',']).map(str::trim).filter(|address| !address.is_empty()).map(str::to_owned).collect();
        if name_servers.is_empty() {
            name_servers.push(DEFAULT_NAME_SERVER.to_owned());
        }
        let file = arguments.optional("tlsConfigFile");
        let tls = match file.is_some() || arguments.has("tls") {
            true => Some(ClientTls::open(&TlsSettings::read(file.unwrap_or(DEFAULT_TLS_FILE))?.0)?),
            false => None,
        };
        let timeout_ms = arguments.optional_number("timeoutMs").or_else(|| arguments.optional_number("timeoutMillis"));
        let timeout_ms = timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS).max(1) as u64;
        Ok(Self {
            name_servers,
            options: ClientOptions { tls, ..ClientOptions::default() },
            timeout: Duration::from_millis(timeout_ms),
            credentials: credentials::find(arguments)?,
            clients: RefCell::default(),
            json: arguments.has("json"),
        })
    }

    /// All name servers.
    pub(crate) fn name_servers(&self) -> &[String] {
        &self.name_servers
    }

    /// Is JSON wanted?
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// Writes a report to standard output.
    pub(crate) fn show(&self, report: &Report) -> Result<(), Failure> {
        let text = if self.json { format!("{:#}\n", report.to_json()) } else { report.to_text() };
        // Of a command that writes line by line nothing is left to say.
        if self.json && text == "{}\n" { Ok(()) } else { self.write(&text) }
    }

    /// Writes to standard output at once, for commands whose reports may be long.
    pub(crate) fn write(&self, text: &str) -> Result<(), Failure> {
        let mut output = std::io::stdout().lock();
        output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::NobodyReads,
            _ => Failure::Output(error),
        })
    }

    async fn client(&self, address: &str) -> Result<Rc<Client>, Failure> {
        if let Some(client) = self.clients.borrow().get(address) {
            return Ok(client.clone());
        }
        let client = Rc::new(Client::connect(address, self.options.clone(), Arc::new(())).await?);
        self.clients.borrow_mut().insert(address.to_owned(), client.clone());
        Ok(client)
    }

    /// Asks a server for one thing; `None`: there is none, which is said with the code `absent` or without a body.
    pub(crate) async fn find<T: serde::de::DeserializeOwned>(
        &self,
        server: &str,
        request: RequestCode,
        fields: &impl FieldSource,
        absent: ResponseCode,
    ) -> Result<Option<T>, Failure> {
        let answer = self.request(server, request, fields, Body::Empty).await?;
        if answer.code() == absent {
            return Ok(None);
        }
        let answer = answer.success()?;
        if answer.bytes().is_empty() { Ok(None) } else { answer.body() }
    }

    /// Asks a server and waits for its answer, whatever its code is.
    pub(crate) async fn request(
        &self,
        server: &str,
        request: RequestCode,
        fields: &impl FieldSource,
        body: impl Into<Body>,
    ) -> Result<Answer, Failure> {
        let client = self.client(server).await?;
        let body = body.into();
        let fields = match &self.credentials {
            Some(credentials) => credentials.signed(fields, &body),
            None => pairs(fields),
        };
        let message = client.request(request, &fields.as_slice(), body, self.timeout).await?;
        Ok(Answer { server: server.to_owned(), request, message })
    }

    /// Asks a server for what must succeed.
    pub(crate) async fn ask(
        &self,
        server: &str,
        request: RequestCode,
        fields: &impl FieldSource,
        body: impl Into<Body>,
    ) -> Result<Answer, Failure> {
        self.request(server, request, fields, body).await?.success()
    }

    /// Asks the first name server that can be reached.
    pub(crate) async fn ask_name_server(
        &self,
        request: RequestCode,
        fields: &impl FieldSource,
    ) -> Result<Answer, Failure> {
        let mut last = None;
        for server in &self.name_servers {
            match self.ask(server, request, fields, Body::Empty).await {
                Err(failure @ (Failure::Connect { .. } | Failure::Call { .. })) => last = Some(failure),
                other => return other,
            }
        }
        Err(last.unwrap_or_else(|| Failure::usage("no name server is named; give -n HOST:PORT")))
    }

    /// Where a topic's queues are.
    pub(crate) async fn route(&self, topic: &str) -> Result<TopicRouteData, Failure> {
        let request = GetRouteInfoRequest { topic, accept_standard_json_only: true, zone_mode: false, zone_name: None };
        self.ask_name_server(RequestCode::GET_ROUTEINFO_BY_TOPIC, &request).await?.body()
    }

    /// All clusters and brokers.
    pub(crate) async fn cluster_info(&self) -> Result<ClusterInfo, Failure> {
        self.ask_name_server(RequestCode::GET_BROKER_CLUSTER_INFO, &()).await?.body()
    }

    /// All brokers, or those of one cluster, slaves too; by cluster, name and id.
    pub(crate) async fn brokers(&self, cluster: Option<&str>) -> Result<Vec<Broker>, Failure> {
        let info = self.cluster_info().await?;
        let clusters = info.cluster_addr_table.iter().filter(|(name, _)| cluster.is_none_or(|wanted| wanted == *name));
        let mut brokers = Vec::new();
        for (cluster, names) in clusters {
            let mut names: Vec<_> = names.iter().collect();
            names.sort();
            for (name, data) in names.into_iter().filter_map(|name| Some((name, info.broker_addr_table.get(name)?))) {
                brokers.extend(data.broker_addrs.iter().map(|(id, address)| Broker {
                    cluster: cluster.clone(),
                    name: name.clone(),
                    id: *id,
                    address: address.clone(),
                }));
            }
        }
        match cluster {
            Some(cluster) if brokers.is_empty() => Err(Failure::usage(format!(
                "there is no cluster {cluster}; {} knows {}",
                self.name_servers.join(";"),
                known(info.cluster_addr_table.keys())
            ))),
            _ => Ok(brokers),
        }
    }

    /// The masters of a cluster.
    pub(crate) async fn masters(&self, cluster: &str) -> Result<Vec<Broker>, Failure> {
        let mut brokers = self.brokers(Some(cluster)).await?;
        brokers.retain(|broker| broker.id == MASTER);
        Ok(brokers)
    }

    /// The brokers that `-b` or `-c` names: one by its address, or the masters of a cluster.
    pub(crate) async fn place(&self, arguments: &Arguments) -> Result<Vec<Broker>, Failure> {
        // Apache's commands do not agree on the name.
        let cluster = arguments.optional("clusterName").or_else(|| arguments.optional("cluster"));
        match (arguments.optional("brokerAddr"), cluster) {
            (Some(address), _) => Ok(vec![Broker {
                cluster: String::new(),
                name: String::new(),
                id: MASTER,
                address: address.to_owned(),
            }]),
            (None, Some(cluster)) => self.masters(cluster).await,
            (None, None) => Err(Failure::usage("give -b HOST:PORT or -c CLUSTER")),
        }
    }

    /// The brokers that have a topic, masters where they are known.
    pub(crate) async fn brokers_of(&self, topic: &str) -> Result<Vec<Broker>, Failure> {
        let route = self.route(topic).await?;
        let mut brokers: Vec<Broker> = route
            .broker_datas
            .into_iter()
            .filter_map(|data| {
                let (id, address) = data.broker_addrs.into_iter().next()?;
                Some(Broker { cluster: data.cluster, name: data.broker_name, id, address })
            })
            .collect();
        brokers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(brokers)
    }

    /// The brokers that know a consumer group, which its retry topic tells.
    pub(crate) async fn brokers_of_group(&self, group: &str) -> Result<Vec<Broker>, Failure> {
        self.brokers_of(&retry_topic(group)).await.map_err(|failure| match failure.code() {
            Some(ResponseCode::TOPIC_NOT_EXIST) => Failure::usage(format!(
                "no broker knows the consumer group {group}, or none of its members was ever connected; \
                 `mqadmin consumerProgress` lists the groups"
            )),
            _ => failure,
        })
    }

    /// The broker of this name.
    pub(crate) async fn broker_named(&self, name: &str) -> Result<Broker, Failure> {
        let brokers = self.brokers(None).await?;
        let found = brokers.iter().find(|broker| broker.name == name).cloned();
        found.ok_or_else(|| {
            Failure::usage(format!(
                "there is no broker {name}; there is {}",
                known(brokers.iter().map(|broker| &broker.name))
            ))
        })
    }
}

/// Names for a sentence.
fn known<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Where a group's messages go that it could not handle.
pub(crate) fn retry_topic(group: &str) -> String {
    format!("%RETRY%{group}")
}

impl Answer {
    /// The answer, if it is a success.
    pub(crate) fn success(self) -> Result<Self, Failure> {
        match self.message.code {
            ResponseCode::SUCCESS => Ok(self),
            _ => Err(self.refusal()),
        }
    }

    /// The answer as a refusal.
    pub(crate) fn refusal(self) -> Failure {
        let Message { code, remark, .. } = self.message;
        Failure::Refused { server: self.server, request: self.request, code, remark: remark.unwrap_or_default() }
    }

    pub(crate) fn code(&self) -> ResponseCode {
        self.message.code
    }

    /// What its body is, as a type.
    pub(crate) fn body<T: serde::de::DeserializeOwned>(&self) -> Result<T, Failure> {
        decode(&self.message.body).map_err(|source| Failure::Body {
            server: self.server.clone(),
            request: self.request,
            source,
        })
    }

    /// Its body as it came.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.message.body
    }

    /// Its body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.message.body).into_owned()
    }

    /// Its header's fields, as a type: `answer.header(OffsetResponse::decode)`.
    pub(crate) fn header<'a, T>(
        &'a self,
        decode: impl FnOnce(&Fields<'a>) -> Result<T, FieldError>,
    ) -> Result<T, Failure> {
        decode(&self.message.fields.fields()).map_err(|source| Failure::Field {
            server: self.server.clone(),
            request: self.request,
            source,
        })
    }
}

/// Asks every one of these brokers the same, which must succeed, and reports a line for each.
pub(crate) async fn tell_all(
    session: &Session,
    brokers: &[Broker],
    request: RequestCode,
    fields: &impl FieldSource,
    body: impl Into<Body>,
    line: impl Fn(&Broker) -> String,
) -> Result<Report, Failure> {
    let body = body.into();
    let mut report = Report::default();
    for broker in brokers {
        session.ask(&broker.address, request, fields, body.clone()).await?;
        report = report.with_done(line(broker));
    }
    Ok(report)
}
