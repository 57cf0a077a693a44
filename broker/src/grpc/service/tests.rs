use super::*;

#[tokio::test]
async fn a_request_that_panics_is_answered() {
    let answer = answered::<()>(async { panic!("a mistake") }).await;
    assert_eq!(answer.map_err(|fault| fault.code), Err(Code::InternalServerError));
    assert_eq!(answered(async { Ok(5) }).await.ok(), Some(5));
}
