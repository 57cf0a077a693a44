use super::*;

#[test]
fn each_unit_of_a_timeout_is_read() {
    let read = |text: &str| {
        let mut metadata = MetadataMap::new();
        metadata.insert("grpc-timeout", text.parse().unwrap());
        timeout(&metadata)
    };
    assert_eq!(read("31536000S"), Some(Duration::from_secs(31_536_000)));
    assert_eq!(read("8760H"), Some(Duration::from_secs(31_536_000)));
    assert_eq!(read("2999957u"), Some(Duration::from_micros(2_999_957)));
    assert_eq!((read("5m"), read("1M")), (Some(Duration::from_millis(5)), Some(Duration::from_secs(60))));
    assert_eq!((read("S"), read("12"), read("x7S"), read("-1S")), (None, None, None, None));
}

#[test]
fn a_caller_without_a_name_is_refused() {
    assert_eq!(Caller::of(&tonic::Request::new(())).unwrap_err().code, Code::ClientIdRequired);
    let mut request = tonic::Request::new(());
    request.metadata_mut().insert("x-mq-client-id", "me".parse().unwrap());
    request.metadata_mut().insert("x-mq-language", "GOLANG".parse().unwrap());
    let caller = Caller::of(&request).unwrap();
    assert_eq!((caller.client_id.as_str(), caller.language), ("me", Language::GO));
}
