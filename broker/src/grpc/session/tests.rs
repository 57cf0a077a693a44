use super::*;
use bolide_remoting::Language;
use bolide_remoting::proxy::Ends;

const LIMIT: usize = 2;

fn caller(client_id: &str, port: u16) -> Caller {
    let ends = Ends { peer: ([10, 0, 0, 1], port).into(), local: ([10, 0, 0, 2], 8081).into() };
    Caller {
        client_id: client_id.into(),
        language: Language::GO,
        version: String::new(),
        ends,
        user: String::new(),
        timeout: None,
    }
}

fn settings(client_type: i32) -> Settings {
    Settings { client_type: Some(client_type), ..Settings::default() }
}

#[test]
fn a_client_that_comes_back_is_the_same_member() {
    let sessions = Sessions::default();
    let first = sessions.attach(&caller("a", 1), settings(1), None, LIMIT, 0).unwrap();
    let again = sessions.attach(&caller("a", 2), settings(1), None, LIMIT, 0).unwrap();
    assert_eq!(first.id(), again.id());
    assert_eq!(sessions.get("a").unwrap().peer().port(), 2);
    let other = sessions.attach(&caller("b", 1), settings(1), None, LIMIT, 0).unwrap();
    assert_ne!(first.id(), other.id());
    assert!(sessions.attach(&caller("c", 1), settings(1), None, LIMIT, 0).is_none(), "the limit holds");
    sessions.remove("b");
    assert!(sessions.attach(&caller("c", 1), settings(1), None, LIMIT, 0).is_some());
}

#[test]
fn what_is_remembered_is_written_when_it_has_changed() {
    let sessions = Sessions::default();
    assert!(sessions.changed().is_none());
    sessions.attach(&caller("a", 1), settings(1), None, LIMIT, 0);
    assert_eq!(sessions.changed().map(|all| all.len()), Some(1));
    sessions.attach(&caller("a", 1), settings(1), None, LIMIT, 0);
    assert!(sessions.changed().is_none(), "the same settings");
    sessions.attach(&caller("a", 1), settings(2), None, LIMIT, 0);
    assert!(sessions.changed().is_some());
    sessions.remove("a");
    assert_eq!(sessions.changed().map(|all| all.len()), Some(0));
}

#[test]
fn silence_ends_a_session_without_a_stream() {
    let sessions = Sessions::default();
    let (commands, _reader) = mpsc::channel(1);
    sessions.attach(&caller("attached", 1), settings(1), Some(commands.clone()), LIMIT, 0);
    sessions.attach(&caller("away", 1), settings(1), None, LIMIT, 0);
    sessions.expire(100, 100);
    assert!(sessions.get("away").is_some());
    sessions.expire(101, 100);
    assert!(sessions.get("away").is_none() && sessions.get("attached").is_some());
    sessions.detach("attached", &commands);
    sessions.expire(101, 100);
    assert!(sessions.get("attached").is_none());
}

#[tokio::test]
async fn an_answer_finds_its_question() {
    let sessions = Sessions::default();
    let (commands, mut reader) = mpsc::channel(1);
    let session = sessions.attach(&caller("a", 1), settings(1), Some(commands), LIMIT, 0).unwrap();
    let ask = |nonce| Command::VerifyMessageResult(bolide_proto::v2::VerifyMessageResult { nonce });
    let answering = async {
        let asked = reader.recv().await.unwrap().unwrap().command.unwrap();
        let Command::VerifyMessageResult(question) = asked else { panic!("{asked:?}") };
        session.answered("no such question", Answered { status: Status::default(), stack: None });
        session.answered(&question.nonce, Answered { status: Status::default(), stack: Some("s".into()) });
    };
    let (answer, ()) = tokio::join!(session.ask(ask, Duration::from_secs(30)), answering);
    assert_eq!(answer.unwrap().stack.as_deref(), Some("s"));
    drop(reader);
    assert_eq!(session.ask(ask, Duration::from_secs(30)).await.unwrap_err(), TellError::Unreachable);
}
