//! How messages become bytes: as tonic's own codec has it, but beginning with buffers that suit most calls, which the allocator has at
//! hand; a longer message makes them grow.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// How long a buffer is at first. The C library keeps small pieces for the next caller up to 1,032 bytes.
const BUFFER_BYTES: usize = 1_000;
/// How much of a stream's messages is sent together.
const TOGETHER_BYTES: usize = 32 << 10;

/// The codec of all methods.
#[derive(Debug)]
pub(crate) struct SmallBuffers<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for SmallBuffers<T, U> {
    fn default() -> Self {
        SmallBuffers(PhantomData)
    }
}

impl<T, U> Codec for SmallBuffers<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::new(BUFFER_BYTES, TOGETHER_BYTES))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::new(BUFFER_BYTES, TOGETHER_BYTES))
    }
}
