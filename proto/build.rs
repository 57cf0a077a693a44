//! Compiles the `.proto` files with a compiler written in Rust, so that a build needs no `protoc`.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=apache");
    let descriptors = protox::compile(["apache/rocketmq/v2/service.proto"], ["."])?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_transport(false)
        // Bodies stay a part of the frame that they came in.
        .bytes(".apache.rocketmq.v2.Message.body")
        .codec_path("crate::codec::SmallBuffers")
        .compile_fds(descriptors)?;
    // Apart from the others, because reflection shows what is served here.
    println!("cargo::rerun-if-changed=opentelemetry");
    let descriptors = protox::compile(["opentelemetry/metrics.proto"], ["."])?;
    tonic_prost_build::configure().build_transport(false).compile_fds(descriptors)?;
    Ok(())
}
