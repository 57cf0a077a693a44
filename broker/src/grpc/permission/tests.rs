use super::*;

#[test]
fn credentials_are_read_as_each_client_writes_them() {
    let java = "MQv2-HMAC-SHA1 Credential=me//Rocketmq, SignedHeaders=x-mq-date-time, Signature=0AF1";
    assert_eq!(credentials(java), ("me", "0AF1"));
    let plain = "MQv2-HMAC-SHA1 Credential=m=e, SignedHeaders=x-mq-date-time, Signature=0af1";
    assert_eq!(credentials(plain), ("m=e", "0af1"));
    for nobody in ["", "MQv2-HMAC-SHA1", "MQv2-HMAC-SHA1 Credential=//Rocketmq", "MQv2-HMAC-SHA1 Credential="] {
        assert_eq!(credentials(nobody), ("", ""), "{nobody}");
    }
}

#[test]
fn digits_are_capital() {
    assert_eq!(hexadecimal(&[0, 0xaf, 9]), "00AF09");
}
