//! The journal beside a file that is changed in place: with it a commit that was cut short is completed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::change::{self, Change, Turn};
use crate::{Error, Result};

const SIGNATURE: &[u8; 16] = b"davegan journal\n";
const SUFFIX: &str = ".davegan-journal";
/// Changes are held in memory before they are journalled, so no journal comes near this size.
const LARGEST: u64 = 1 << 30;
const DIGEST_BYTES: usize = 32;

/// The journal of the file at `path`.
fn journal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

/// Makes `changes` to `file`, which is at `path` and `length` bytes long afterwards, so that none or all of them are
/// made, if need be by [`complete`].
pub(super) fn apply(file: &File, path: &Path, mut changes: Vec<Change>, length: u64) -> io::Result<()> {
    // The system makes a change within a page whole.
    if changes.len() <= 1 && changes.iter().all(Change::is_within_a_page) {
        return change::apply(file, &mut changes);
    }
    let journal = journal_of(path);
    let mut file_of_journal = File::options().write(true).create_new(true).open(&journal)?;
    if let Err(error) = file_of_journal.write_all(&encode(&changes, length)) {
        let _ = fs::remove_file(&journal);
        return Err(error);
    }
    change::apply(file, &mut changes)?;
    fs::remove_file(&journal)
}

/// Whether a journal lies beside the file at `path`.
pub(super) fn is_there(path: &Path) -> bool {
    journal_of(path).symlink_metadata().is_ok()
}

/// Completes the commit that a killed run has left a journal of, if there is one. `file` is open and locked at `path`.
///
/// # Errors
///
/// [`Error::Format`] if the journal does not fit the file, and [`Error::Io`]. The file is as it was then.
pub(super) fn complete(file: &File, path: &Path) -> Result<()> {
    let journal = journal_of(path);
    let bytes = match journal.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(found) if !found.is_file() || found.len() > LARGEST => Ok(b"none".to_vec()),
        found => found.and_then(|_| fs::read(&journal)),
    };
    let bytes = bytes.map_err(|e| Error::system(&journal, "read the journal of a killed run", &e))?;
    if !bytes.starts_with(SIGNATURE) && !SIGNATURE.starts_with(&bytes) {
        let name = journal.display();
        return Err(Error::format(path, format!("{name} is in the place of its journal and is none; move it away")));
    }
    let doing = "complete what a killed run has begun";
    // Changes begin when the journal is whole.
    if let Some((mut changes, length)) = decode(&bytes) {
        check(file, path, &changes, length, &journal)?;
        change::apply(file, &mut changes).map_err(|e| Error::system(path, doing, &e))?;
    }
    fs::remove_file(&journal).map_err(|e| Error::system(&journal, doing, &e))
}

/// Refuses a journal of another file, or of one that another program has changed since.
fn check(file: &File, path: &Path, changes: &[Change], length: u64, journal: &Path) -> Result<()> {
    let name = journal.display();
    let found = file.metadata().map_err(|e| Error::system(path, "read its length", &e))?.len();
    if found < length {
        let what = format!("it has {found} bytes, but a killed run has left {length}: another program has cut it");
        return Err(Error::format(path, format!("{what}; restore it from a copy, or remove it and {name}")));
    }
    let fits = |change: &Change| {
        let mut bytes = vec![0; change.new.len()];
        file.read_exact_at(&mut bytes, change.start).is_ok() && change.is_between(&bytes)
    };
    if !changes.iter().all(fits) {
        let what = format!("the journal {name} belongs to another file, or another program has changed this one since");
        return Err(Error::format(path, format!("{what}; move the journal to its file, or remove it")));
    }
    Ok(())
}

fn encode(changes: &[Change], length: u64) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    let mut put = |number: u64| bytes.extend(number.to_le_bytes());
    put(length);
    put(changes.len() as u64);
    for change in changes {
        for number in [u64::from(change.turn.0), change.start, change.new.len() as u64] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(&change.old);
        bytes.extend(&change.new);
    }
    let digest = Sha256::digest(&bytes);
    bytes.extend(digest);
    bytes
}

/// The changes in the journal `bytes` and the length of the file after them; `None` if it is not whole.
fn decode(bytes: &[u8]) -> Option<(Vec<Change>, u64)> {
    let (body, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST_BYTES)?)?;
    if Sha256::digest(body)[..] != *digest {
        return None;
    }
    let mut rest = body.strip_prefix(SIGNATURE)?;
    let length = number(&mut rest)?;
    let n = number(&mut rest)?;
    let change = |_| {
        let turn = Turn(number(&mut rest)?.try_into().ok()?);
        let start = number(&mut rest)?;
        let n = number(&mut rest)?;
        Some(Change { turn, start, old: part(&mut rest, n)?, new: part(&mut rest, n)? })
    };
    Some(((0..n).map(change).collect::<Option<_>>()?, length))
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut bytes = [0; 8];
    rest.read_exact(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}

fn part(rest: &mut &[u8], n: u64) -> Option<Vec<u8>> {
    let (part, after) = rest.split_at_checked(usize::try_from(n).ok()?)?;
    *rest = after;
    Some(part.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::testing::TestDirectory;

    /// A file, its path, what it holds before and after changes, and these.
    fn example(directory: &TestDirectory) -> (File, PathBuf, Vec<u8>, Vec<u8>, Vec<Change>) {
        let path = directory.path("file.h5");
        let before: Vec<u8> = (0..200).collect();
        let mut after = before.clone();
        let mut heap = [7; 32];
        heap[..4].copy_from_slice(b"HEAP");
        for (start, block) in [(10, &b"SNOD--"[..]), (40, &heap), (90, b"TREE\0\x01"), (120, b"TREE\0\0")] {
            after[start..start + block.len()].copy_from_slice(block);
        }
        let blocks = [10..16, 40..72, 90..96, 120..126];
        let changes = blocks.map(|b| Change::between(b.start as u64, before[b.clone()].to_vec(), &after[b]).unwrap());
        fs::write(&path, &before).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        (file, path, before, after, changes.to_vec())
    }

    #[test]
    fn whatever_a_killed_run_has_reached_is_completed() {
        let directory = TestDirectory::new("journal-complete");
        let (file, path, before, after, mut changes) = example(&directory);
        let journal = encode(&changes, 200);
        let writes: Vec<_> = change::writes(&mut changes).map(|(at, bytes)| (at, bytes.to_vec())).collect();
        // The chain of free space in a heap, then the heap, parents before children, the table of names.
        assert_eq!(writes.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [56, 40, 90, 120, 10]);
        for reached in 0..=writes.len() {
            for cut in [0, 1, 3] {
                file.write_all_at(&before, 0).unwrap();
                for (at, bytes) in &writes[..reached] {
                    file.write_all_at(bytes, *at).unwrap();
                }
                if let Some((at, bytes)) = writes.get(reached) {
                    file.write_all_at(&bytes[..cut], *at).unwrap();
                }
                fs::write(journal_of(&path), &journal).unwrap();
                complete(&file, &path).unwrap();
                assert_eq!(fs::read(&path).unwrap(), after);
                assert_eq!(directory.names(), ["file.h5"]);
            }
        }
    }

    #[test]
    fn a_journal_that_is_not_whole_is_removed() {
        let directory = TestDirectory::new("journal-part");
        let (file, path, before, _, changes) = example(&directory);
        let journal = encode(&changes, 200);
        for length in 0..journal.len() {
            fs::write(journal_of(&path), &journal[..length]).unwrap();
            complete(&file, &path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), before);
            assert_eq!(directory.names(), ["file.h5"]);
        }
    }

    #[test]
    fn a_journal_that_does_not_fit_is_named_and_left_alone() {
        let directory = TestDirectory::new("journal-foreign");
        let (file, path, before, _, changes) = example(&directory);
        let refused = |journal: &[u8], content: &[u8], words: &str| {
            fs::write(journal_of(&path), journal).unwrap();
            file.set_len(content.len() as u64).unwrap();
            file.write_all_at(content, 0).unwrap();
            let error = complete(&file, &path).unwrap_err();
            let text = error.to_string();
            assert!(matches!(error, Error::Format { .. }) && text.contains(words) && text.contains(SUFFIX), "{text}");
            assert_eq!(fs::read(&path).unwrap(), content);
            assert_eq!(fs::read(journal_of(&path)).unwrap(), journal);
        };
        let journal = encode(&changes, 200);
        refused(b"notes", &before, "is none; move it away");
        refused(&journal, &before[..150], "150 bytes, but a killed run has left 200");
        refused(&encode(&changes, 0), &before[..100], "belongs to another file");
        refused(&journal, &[9; 200], "belongs to another file");
    }
}
