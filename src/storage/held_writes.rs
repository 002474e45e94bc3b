//! The bytes of an open HDF5 file: what is safe to write at once, and what is held back until a commit.
//!
//! Nothing that the file on the disk refers to is overwritten before the commit. Space that it does not use, mostly
//! beyond its end, is written at once. All else is held in memory and laid over what is read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use super::change::{self, Change};
use super::journal;

/// An open file with its held writes.
#[derive(Debug)]
pub(super) struct HeldWrites {
    file: File,
    /// End of the space that HDF5 has given out.
    pub end: u64,
    /// Length of the file on the disk.
    length: u64,
    /// Length at the last commit.
    committed: u64,
    /// Space that the file on the disk does not refer to, in order.
    free: Vec<Range<u64>>,
    /// Blocks by address; none overlaps another.
    held: BTreeMap<u64, Vec<u8>>,
    /// The first refusal of the system since the last commit. HDF5 1.14 does not survive one, so the commit tells it.
    error: Option<io::Error>,
}

impl HeldWrites {
    /// Of `file`, whose content is all in use.
    pub fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let (free, held) = (Vec::new(), BTreeMap::new());
        Ok(Self { file, end: 0, length, committed: length, free, held, error: None })
    }

    /// The file on the disk.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Length of the file, held writes included.
    pub fn length(&self) -> u64 {
        self.held.last_key_value().map_or(0, |(&start, bytes)| start + bytes.len() as u64).max(self.length)
    }

    /// Declares `free` and all from `end` on to be space that the file on the disk does not refer to.
    pub fn set_free(&mut self, mut free: Vec<Range<u64>>, end: u64) {
        free.retain(|range| range.start < end);
        free.push(end..u64::MAX);
        free.sort_by_key(|range| range.start);
        free.dedup_by(|next, last| {
            let touches = next.start <= last.end;
            if touches {
                last.end = last.end.max(next.end);
            }
            touches
        });
        self.free = free;
        self.committed = end;
    }

    /// Fills `buffer` with what was last written at `start`; zeros beyond the end.
    pub fn read(&mut self, start: u64, buffer: &mut [u8]) -> io::Result<()> {
        let result = read_to_end(&self.file, start, buffer);
        let end = start + buffer.len() as u64;
        for (&at, bytes) in self.held.range(self.first_reaching(start)..end) {
            overlay(buffer, start, bytes, at);
        }
        result.inspect_err(|error| {
            self.error.get_or_insert(copy_of(error));
        })
    }

    /// Takes `bytes` for `start`. A refusal of the system is told by the next commit.
    pub fn write(&mut self, start: u64, bytes: &[u8]) {
        let end = start + bytes.len() as u64;
        if covers(&self.free, start, end) && self.error.is_none() {
            match self.check_length().and_then(|()| self.file.write_all_at(bytes, start)) {
                Ok(()) => {
                    self.length = self.length.max(end);
                    self.forget(start..end);
                    return;
                }
                Err(error) => self.error = Some(error),
            }
        }
        self.hold(start, bytes);
    }

    /// Whether the system has refused something since the last commit.
    pub fn has_error(&self) -> bool {
        self.error.is_some()
    }

    /// The first refusal of the system since the last commit.
    pub fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Makes the file on the disk what HDF5 has written since the last commit. `free` becomes the space that it does
    /// not refer to.
    ///
    /// # Errors
    ///
    /// Any refusal of the system. The file has to be closed then. It holds what it held after the last commit, or a
    /// journal lies beside it with which the next call that opens it completes this one.
    pub fn commit(&mut self, path: &Path, free: Vec<Range<u64>>) -> io::Result<()> {
        self.check(path)?;
        if self.length < self.end {
            self.file.set_len(self.end)?;
        }
        // Blocks that are given up, others may still refer to until the changes are made.
        self.held.retain(|&start, block| !covers(&free, start, start + block.len() as u64));
        let changes = self.changes()?;
        let applied = journal::apply(&self.file, path, changes, self.end);
        if applied.is_err() && journal::is_there(path) {
            // The file may refer to all that is there, or will when the next call has completed the changes.
            self.committed = self.length;
        }
        applied?;
        self.committed = self.end;
        if self.length > self.end {
            self.file.set_len(self.end)?;
        }
        self.length = self.end;
        self.held.clear();
        self.set_free(free, self.end);
        Ok(())
    }

    /// Refuses to go on where another program has cut, removed or replaced the file at `path`.
    pub fn check(&self, path: &Path) -> io::Result<()> {
        self.check_length()?;
        check_place(&self.file, path)
    }

    fn check_length(&self) -> io::Result<()> {
        let found = self.file.metadata()?.len();
        if found < self.length {
            let what = format!("another program has cut it from {} to {found} bytes", self.length);
            return Err(io::Error::other(format!("{what}; restore it from a copy, or choose another path")));
        }
        Ok(())
    }

    /// What the held blocks change on the disk.
    fn changes(&self) -> io::Result<Vec<Change>> {
        let block = |(&start, new): (&u64, &'_ Vec<u8>)| {
            let mut old = vec![0; new.len()];
            read_to_end(&self.file, start, &mut old).map(|()| (start, old))
        };
        let old = self.held.iter().map(block).collect::<io::Result<Vec<_>>>()?;
        Ok(change::between(old.into_iter().zip(self.held.values()).map(|((start, old), new)| (start, old, &new[..]))))
    }

    /// Start of the first held block that could reach beyond `address`.
    fn first_reaching(&self, address: u64) -> u64 {
        self.held.range(..=address).next_back().map_or(address, |(&start, _)| start)
    }

    fn hold(&mut self, start: u64, bytes: &[u8]) {
        let end = start + bytes.len() as u64;
        // A block that is written in part stays whole: its first bytes tell its kind.
        if let Some((&at, block)) = self.held.range_mut(..=start).next_back()
            && end <= at + block.len() as u64
        {
            return overlay(block, at, bytes, start);
        }
        self.forget(start..end);
        self.held.insert(start, bytes.to_vec());
    }

    /// Drops the held bytes of `range`.
    fn forget(&mut self, range: Range<u64>) {
        let touched: Vec<u64> =
            self.held.range(self.first_reaching(range.start)..range.end).map(|(&at, _)| at).collect();
        for at in touched {
            let block = self.held.remove(&at).unwrap_or_default();
            let end = at + block.len() as u64;
            if at < range.start {
                let kept = block.len().min((range.start - at) as usize);
                self.held.insert(at, block[..kept].to_vec());
            }
            if end > range.end {
                self.held.insert(range.end, block[(range.end - at) as usize..].to_vec());
            }
        }
    }
}

/// What is not committed is given back. What stays is not referred to, so a refusal does no harm.
impl Drop for HeldWrites {
    fn drop(&mut self) {
        if self.length > self.committed {
            let _ = self.file.set_len(self.committed);
        }
    }
}

/// Whether one of the `ranges` has all of `start..end`.
fn covers(ranges: &[Range<u64>], start: u64, end: u64) -> bool {
    ranges.iter().any(|range| range.start <= start && end <= range.end)
}

/// Refuses to go on with a `file` that is no longer the one at `path`.
fn check_place(file: &File, path: &Path) -> io::Result<()> {
    let open = file.metadata()?;
    if fs::metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == (open.dev(), open.ino())) {
        return Ok(());
    }
    Err(io::Error::other("another program has removed, renamed or replaced it; choose another path, or try again"))
}

/// Fills `buffer` from `start` on, with zeros beyond the end of the file.
fn read_to_end(file: &File, start: u64, buffer: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], start + done as u64) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer[done..].fill(0);
    Ok(())
}

/// Lays `bytes`, which belong at `at`, over the part of `buffer`, which begins at `start`, that they cover.
fn overlay(buffer: &mut [u8], start: u64, bytes: &[u8], at: u64) {
    let from = start.max(at);
    let to = (start + buffer.len() as u64).min(at + bytes.len() as u64);
    if from < to {
        let covered = (from - start) as usize..(to - start) as usize;
        buffer[covered].copy_from_slice(&bytes[(from - at) as usize..(to - at) as usize]);
    }
}

fn copy_of(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::other(error.to_string()), io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use std::iter::once;

    use super::*;
    use crate::storage::testing::TestDirectory;

    /// A file of `content` in `directory`, open for writing, and its path.
    fn open(directory: &TestDirectory, content: &[u8]) -> (HeldWrites, std::path::PathBuf) {
        let path = directory.path("file");
        fs::write(&path, content).unwrap();
        let mut writes = HeldWrites::new(File::options().read(true).write(true).open(&path).unwrap()).unwrap();
        writes.end = content.len() as u64;
        writes.set_free(Vec::new(), writes.end);
        (writes, path)
    }

    fn content(writes: &mut HeldWrites) -> Vec<u8> {
        let mut bytes = vec![0xff; writes.end as usize];
        writes.read(0, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_was_there_is_untouched_until_the_commit() {
        let directory = TestDirectory::new("held-commit");
        let (mut writes, path) = open(&directory, b"0123456789");
        writes.end = 14;
        writes.write(10, b"abcd");
        writes.write(3, b"xyz");
        assert_eq!(fs::read(&path).unwrap(), b"0123456789abcd");
        assert_eq!(content(&mut writes), b"012xyz6789abcd");
        // Freed by this commit, so the next may use it at once.
        writes.commit(&path, once(7..9).collect()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"012xyz6789abcd");
        writes.write(7, b"--");
        writes.write(8, b"++");
        assert_eq!(fs::read(&path).unwrap(), b"012xyz6--9abcd");
        assert_eq!(content(&mut writes), b"012xyz6-++abcd");
        writes.end = 12;
        writes.commit(&path, Vec::new()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"012xyz6-++ab");
        writes.write(12, b"lost");
        writes.write(0, b"lost");
        drop(writes);
        assert_eq!(fs::read(&path).unwrap(), b"012xyz6-++ab");
        assert_eq!(directory.names(), ["file"]);
    }

    #[test]
    fn overlapping_writes_read_and_commit_as_the_last_of_them() {
        let directory = TestDirectory::new("held-overlap");
        let mut expected: Vec<u8> = (0..200).collect();
        let (mut writes, path) = open(&directory, &expected);
        let mut state = 1_u32;
        let mut random = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % n
        };
        for round in 0..2000 {
            let (start, n) = (random(200) as usize, 1 + random(40) as usize);
            let end = (start + n).min(200);
            let bytes = vec![round as u8; end - start];
            expected[start..end].copy_from_slice(&bytes);
            writes.write(start as u64, &bytes);
            assert_eq!(content(&mut writes), expected);
            if random(20) == 0 {
                let from = random(170) as usize;
                let free = from..from + random(30) as usize;
                writes.commit(&path, once(free.start as u64..free.end as u64).collect()).unwrap();
                // What is given up need not be written.
                expected[free.clone()].copy_from_slice(&content(&mut writes)[free]);
            }
        }
        writes.commit(&path, Vec::new()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), expected);
    }

    #[test]
    fn a_refusal_amid_the_changes_is_made_good_by_the_next_call() {
        let directory = TestDirectory::new("held-refused");
        for (end, added, left) in [(14, &b"abcd"[..], "0123456789abcd"), (8, &[], "0123456789")] {
            let (mut writes, path) = open(&directory, b"0123456789");
            writes.end = end;
            writes.write(10, added);
            writes.write(0, b"--");
            writes.write(5, b"++");
            let writable = std::mem::replace(&mut writes.file, File::open(&path).unwrap());
            writes.commit(&path, Vec::new()).unwrap_err();
            writes.file = writable;
            drop(writes);
            assert_eq!(fs::read_to_string(&path).unwrap(), left);
            let file = File::options().read(true).write(true).open(&path).unwrap();
            journal::complete(&file, &path).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), left.replace("01", "--").replace("56", "++"));
            assert_eq!(directory.names(), ["file"]);
        }
    }

    #[test]
    fn a_file_that_another_program_changes_is_noticed() {
        let directory = TestDirectory::new("held-foreign");
        type Foreign = fn(&Path);
        let cut: Foreign = |path| File::options().write(true).open(path).unwrap().set_len(5).unwrap();
        let remove: Foreign = |path| fs::remove_file(path).unwrap();
        let replace: Foreign = |path| {
            fs::write(path.with_extension("new"), [0; 100]).unwrap();
            fs::rename(path.with_extension("new"), path).unwrap();
        };
        for (foreign, words) in [(cut, "from 10 to 5 bytes"), (remove, "removed"), (replace, "replaced")] {
            for before in [true, false] {
                let (mut writes, path) = open(&directory, b"0123456789");
                if before {
                    foreign(&path);
                }
                writes.end = 14;
                writes.write(10, b"abcd");
                writes.write(3, b"xyz");
                if !before {
                    foreign(&path);
                }
                let error = writes.take_error().map_or_else(|| writes.commit(&path, Vec::new()), Err).unwrap_err();
                let words = if before { words } else { &words.replace("from 10", "from 14") };
                assert!(error.to_string().contains(words), "{error}");
                let _ = fs::remove_file(&path);
            }
        }
    }
}
