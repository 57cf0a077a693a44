use std::future::pending;

use tokio::sync::oneshot;

use super::*;

#[tokio::test]
async fn a_call_that_panics_ends_alone() {
    let calls = Calls::new();
    let (go_on, told) = oneshot::channel();
    let (tell, ended) = oneshot::channel();
    calls.execute(async {
        // At once, and after it had to wait.
        panic!("at once");
    });
    calls.execute(async {
        told.await.unwrap();
        panic!("later");
    });
    calls.execute(async { tell.send("served").unwrap() });
    let connection = pin!(pending::<()>());
    let mut running = Running::new(connection, calls.clone(), || ());
    tokio::select! {
        () = &mut running => unreachable!("the connection goes on"),
        served = ended => assert_eq!(served, Ok("served")),
    }
    go_on.send(()).unwrap();
    let (tell, mut ended) = oneshot::channel();
    calls.execute(async { tell.send("served, too").unwrap() });
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut running).poll(&mut context).is_pending());
    assert_eq!(ended.try_recv(), Ok("served, too"));
    assert!(running.waiting.is_empty(), "nothing is left of the one that had to wait");
}
