//! Looking at messages without taking them.

use bolide_remoting::{Body, RequestCode, ResponseCode};
use bolide_tests::folder::Folder;
use bolide_tests::wire::{Form, Wire, bodies, number, pop_form};

use crate::broker;

fn peek_form(topic: &str, queue: i32, count: usize) -> Form {
    Form::of(&[("consumerGroup", "g"), ("topic", topic)]).with("queueId", queue).with("maxMsgNums", count)
}

#[tokio::test]
async fn a_look_shows_what_a_pop_would_take_and_changes_nothing() {
    let folder = Folder::new("peek");
    let server = broker(&folder, &[]);
    let wire = Wire::connect(&server).await;
    wire.create_topic("t", 2, "").await;
    let nothing = wire.ask(RequestCode::PEEK_MESSAGE, &peek_form("t", -1, 8), Body::Empty).await;
    assert_eq!(nothing.code, ResponseCode::PULL_NOT_FOUND);
    assert_eq!(nothing.remark.as_deref(), Some("NO_MESSAGE_IN_QUEUE"));
    for body in ["1", "2", "3"] {
        wire.send("t", &[], body).await;
    }
    for _ in 0..2 {
        let seen = wire.succeed(RequestCode::PEEK_MESSAGE, &peek_form("t", -1, 2), Body::Empty).await;
        assert_eq!(bodies(&seen), ["1", "2"]);
        assert_eq!(number(&seen, "restNum"), 3);
    }
    let form = pop_form("g", "t").with("maxMsgNums", 2);
    let taken = wire.succeed(RequestCode::POP_MESSAGE, &form, Body::Empty).await;
    assert_eq!(bodies(&taken), ["1", "2"]);
    let seen = wire.succeed(RequestCode::PEEK_MESSAGE, &peek_form("t", 0, 8), Body::Empty).await;
    assert_eq!(bodies(&seen), ["3"], "what somebody has is not shown");
    assert_eq!(number(&seen, "restNum"), 1);
}

#[tokio::test]
async fn what_may_not_be_popped_may_not_be_looked_at() {
    let folder = Folder::new("peek-refused");
    let server = broker(&folder, &[("autoCreateSubscriptionGroup", "false")]);
    let wire = Wire::connect(&server).await;
    wire.create_topic("t", 2, "").await;
    let cases = [
        (peek_form("missing", 0, 8), ResponseCode::TOPIC_NOT_EXIST, "topic[missing] not exist"),
        (peek_form("t", 2, 8), ResponseCode::INVALID_PARAMETER, "queueId[2] is illegal, topic:[t]"),
        (peek_form("t", 0, 8), ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, "subscription group [g] does not exist"),
        (peek_form("t", 0, 8).without("maxMsgNums"), ResponseCode::SYSTEM_ERROR, "the request's header is not usable"),
    ];
    for (form, code, remark) in cases {
        let refused = wire.ask(RequestCode::PEEK_MESSAGE, &form, Body::Empty).await;
        assert_eq!(refused.code, code, "{form:?}");
        assert!(
            refused.remark.as_deref().is_some_and(|text| text.starts_with(remark)),
            "{form:?}: {:?}",
            refused.remark
        );
    }
    wire.succeed(RequestCode::POP_ROLLBACK, &Form::of(&[]), Body::Empty).await;
}
