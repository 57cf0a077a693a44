//! What a server's headers cost per message: reading a SEND and a PULL as clients write them, writing their answers.

use std::hint::black_box;

use bolide_remoting::codec::{self, Preamble};
use bolide_remoting::header::{
    PullMessageRequest, PullMessageResponse, SendMessageRequest, SendMessageResponse, SendMessageV2,
};
use bolide_remoting::version::Version;
use bolide_remoting::{Encoding, FieldSource, RequestCode};
use criterion::{Criterion, criterion_group, criterion_main};

/// Bytes of a frame before its header.
const PREFIX_BYTES: usize = 8;

fn send() -> SendMessageRequest<'static> {
    SendMessageRequest {
        producer_group: "producers",
        topic: "orders",
        default_topic: "TBW102",
        default_topic_queue_nums: 4,
        queue_id: 3,
        sys_flag: 0,
        born_timestamp: 1_795_258_370_614,
        flag: 0,
        properties: Some("UNIQ_KEY\x017F00000111B418B4AAC212345678002A\x02WAIT\x01true\x02TAGS\x01blue\x02"),
        reconsume_times: 0,
        unit_mode: false,
        batch: false,
        max_reconsume_times: None,
        broker_name: Some("broker-a"),
    }
}

fn pull() -> PullMessageRequest<'static> {
    PullMessageRequest {
        consumer_group: "consumers",
        topic: "orders",
        lite_topic: None,
        queue_id: 3,
        queue_offset: 1_234_567,
        max_msg_nums: 32,
        sys_flag: PullMessageRequest::SUSPEND | PullMessageRequest::COMMIT_OFFSET,
        commit_offset: 1_234_567,
        suspend_timeout_millis: 15_000,
        subscription: None,
        sub_version: 1_795_258_385_232,
        expression_type: Some("TAG"),
        max_msg_bytes: Some(256 << 10),
        request_source: None,
        proxy_forward_client_id: None,
    }
}

fn send_answer() -> SendMessageResponse<'static> {
    SendMessageResponse {
        msg_id: "7F00000100002A9F0000000001A2B3C4",
        queue_id: 3,
        queue_offset: 1_234_567,
        transaction_id: Some("7F00000111B418B4AAC212345678002A"),
        batch_uniq_id: None,
        recall_handle: None,
        region: Some("DefaultRegion"),
        trace_on: Some(true),
    }
}

fn pull_answer() -> PullMessageResponse {
    PullMessageResponse {
        suggest_which_broker_id: 0,
        next_begin_offset: 1_234_599,
        min_offset: 0,
        max_offset: 2_345_678,
        offset_delta: None,
        topic_sys_flag: Some(0),
        group_sys_flag: Some(0),
        forbidden_type: None,
    }
}

fn write(out: &mut Vec<u8>, encoding: Encoding, code: RequestCode, fields: &impl FieldSource) {
    let preamble =
        Preamble { encoding, code: code.0, opaque: 123_456, flag: 0, version: Version::CURRENT, remark: None };
    codec::encode(out, &preamble, fields, 1024).expect("the header is short");
}

fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Json => "json",
        Encoding::Binary => "binary",
    }
}

/// Reading works in place and changes the bytes, so that each round begins with a copy of them.
fn decode(criterion: &mut Criterion) {
    for encoding in [Encoding::Json, Encoding::Binary] {
        let mut slots = Vec::new();
        let mut scratch = Vec::new();
        let mut frame = Vec::new();
        write(&mut frame, encoding, RequestCode::SEND_MESSAGE_V2, &SendMessageV2(&send()));
        criterion.bench_function(&format!("decode/send/{}", encoding_name(encoding)), |bencher| {
            bencher.iter(|| {
                scratch.clone_from(&frame);
                let header = codec::decode(encoding, &mut scratch[PREFIX_BYTES..], &mut slots).expect("a header");
                black_box(SendMessageRequest::decode_v2(&header.fields).expect("a send").queue_id)
            });
        });
        frame.clear();
        write(&mut frame, encoding, RequestCode::PULL_MESSAGE, &pull());
        criterion.bench_function(&format!("decode/pull/{}", encoding_name(encoding)), |bencher| {
            bencher.iter(|| {
                scratch.clone_from(&frame);
                let header = codec::decode(encoding, &mut scratch[PREFIX_BYTES..], &mut slots).expect("a header");
                black_box(PullMessageRequest::decode(&header.fields).expect("a pull").queue_id)
            });
        });
    }
}

fn encode(criterion: &mut Criterion) {
    let mut out = Vec::new();
    for encoding in [Encoding::Json, Encoding::Binary] {
        criterion.bench_function(&format!("encode/send answer/{}", encoding_name(encoding)), |bencher| {
            bencher.iter(|| {
                out.clear();
                write(&mut out, encoding, RequestCode(0), black_box(&send_answer()));
            });
        });
        criterion.bench_function(&format!("encode/pull answer/{}", encoding_name(encoding)), |bencher| {
            bencher.iter(|| {
                out.clear();
                write(&mut out, encoding, RequestCode(0), black_box(&pull_answer()));
            });
        });
    }
}

criterion_group!(benches, decode, encode);
criterion_main!(benches);
