//! Full segments against the checksums that the scrub has taken of them, which cover what no record covers itself.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;

use super::folder::{Folder, FolderError, Piece};
use crate::scrub::{CHECKSUMS, Damage, Examination, Sums};

/// The places of a segment that are not what the scrub has seen; none where it has not seen it, or Apache's broker has written its end
/// anew since.
pub(super) fn check(folder: &Folder, segment: &Piece) -> Result<Vec<Damage>, FolderError> {
    let path = folder.root.join(CHECKSUMS).join(format!("{:020}", segment.start));
    let known = match fs::read(&path) {
        Ok(bytes) => Sums::decode(&bytes, segment.start, segment.bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(FolderError::io(&path)(error)),
    };
    let Some(known) = known else { return Ok(Vec::new()) };
    let file = segment.open()?;
    let mut examination = Examination::new(segment.start, segment.bytes, Some(known));
    let mut block = Vec::new();
    while let Some((position, length)) = examination.next() {
        block.resize(length, 0);
        file.read_exact_at(&mut block, position).map_err(FolderError::io(&segment.path))?;
        examination.feed(&block);
    }
    let mut damages = examination.finish().damages;
    // The others are those of records, which are looked at anyway.
    damages.retain(|damage| damage.bytes > 0);
    Ok(damages)
}
