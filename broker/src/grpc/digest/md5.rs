//! MD5 of several bodies at once. Each step of it waits for the one before, which leaves a processor's time for more: the words of
//! the bodies lie beside each other, so that the compiler makes one instruction of what all of them do.

use std::array::from_fn;

const BLOCK: usize = 64;
/// How far each step of a round turns, over and over.
const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// What each step adds: the fraction of its sine.
#[rustfmt::skip]
const SINES: [u32; 64] = [
    // The whole part of 2^32 · |sin(step + 1)|, from the RFC.
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

/// The sums of several bodies. All are taken as being as long as the longest: a lane that is through keeps its state.
pub(super) fn md5<const N: usize>(bodies: [&[u8]; N]) -> [[u8; 16]; N] {
    let tails = bodies.map(Tail::of);
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476].map(|word: u32| [word; N]);
    let blocks: [usize; N] = from_fn(|lane| bodies[lane].len() / BLOCK + tails[lane].blocks);
    for at in 0..blocks.into_iter().max().unwrap_or(0) {
        let before = state;
        mix(
            &mut state,
            from_fn(|lane| bodies[lane].as_chunks().0.get(at).unwrap_or_else(|| tails[lane].block(bodies[lane], at))),
        );
        for lane in (0..N).filter(|lane| at >= blocks[*lane]) {
            (0..4).for_each(|word| state[word][lane] = before[word][lane]);
        }
    }
    from_fn(|lane| from_fn(|byte| state[byte / 4][lane].to_le_bytes()[byte % 4]))
}

/// What follows a body's whole blocks: the rest, padded, and the length.
struct Tail {
    bytes: [u8; 2 * BLOCK],
    blocks: usize,
}

impl Tail {
    fn of(body: &[u8]) -> Self {
        let rest = body.as_chunks::<BLOCK>().1;
        let blocks = if rest.len() < BLOCK - 8 { 1 } else { 2 };
        let mut bytes = [0; 2 * BLOCK];
        bytes[..rest.len()].copy_from_slice(rest);
        bytes[rest.len()] = 0x80;
        let bits = (body.len() as u64).wrapping_mul(8);
        bytes[blocks * BLOCK - 8..blocks * BLOCK].copy_from_slice(&bits.to_le_bytes());
        Tail { bytes, blocks }
    }

    /// The block that is `at` blocks behind the body's begin; any one where there are not so many.
    fn block(&self, body: &[u8], at: usize) -> &[u8; BLOCK] {
        let [first, second] = self.bytes.as_chunks().0 else { unreachable!("two blocks") };
        if at == body.len() / BLOCK { first } else { second }
    }
}

/// The four words of each body's state, words of a kind beside each other.
type State<const N: usize> = [[u32; N]; 4];

fn mix<const N: usize>(state: &mut State<N>, blocks: [&[u8; BLOCK]; N]) {
    let words = from_fn(|word| blocks.map(|block| u32::from_le_bytes(block.as_chunks().0[word])));
    let before = *state;
    round::<0, N>(state, &words, |b, c, d| (b & c) | (!b & d));
    round::<1, N>(state, &words, |b, c, d| (d & b) | (!d & c));
    round::<2, N>(state, &words, |b, c, d| b ^ c ^ d);
    round::<3, N>(state, &words, |b, c, d| c ^ (b | !d));
    for (word, before) in state.iter_mut().zip(before) {
        *word = from_fn(|lane| word[lane].wrapping_add(before[lane]));
    }
}

/// Sixteen steps, written so that the compiler knows how far each one turns.
#[inline(always)]
fn round<const ROUND: usize, const N: usize>(
    state: &mut State<N>,
    words: &[[u32; N]; 16],
    mixed: impl Fn(u32, u32, u32) -> u32,
) {
    four_steps::<ROUND, N>(0, state, words, &mixed);
    four_steps::<ROUND, N>(4, state, words, &mixed);
    four_steps::<ROUND, N>(8, state, words, &mixed);
    four_steps::<ROUND, N>(12, state, words, &mixed);
}

#[inline(always)]
fn four_steps<const ROUND: usize, const N: usize>(
    first: usize,
    state: &mut State<N>,
    words: &[[u32; N]; 16],
    mixed: impl Fn(u32, u32, u32) -> u32,
) {
    for (turn, bits) in TURNS[ROUND].into_iter().enumerate() {
        let step = first + turn;
        let word = &words[[step, 5 * step + 1, 3 * step + 5, 7 * step][ROUND] % 16];
        let [a, b, c, d] = [4, 5, 6, 7].map(|place| (place - turn) % 4);
        for lane in 0..N {
            let sum = mixed(state[b][lane], state[c][lane], state[d][lane]).wrapping_add(state[a][lane]);
            let sum = sum.wrapping_add(SINES[16 * ROUND + step]).wrapping_add(word[lane]);
            state[a][lane] = sum.rotate_left(bits).wrapping_add(state[b][lane]);
        }
    }
}
