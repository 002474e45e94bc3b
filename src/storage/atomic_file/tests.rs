//! Temporary files: where they go, and who removes them.

use std::time::SystemTime;

use super::*;
use crate::storage::testing::{TestDirectory, after_kill};

/// A file with a lock, and one without, on their way into `directory`.
fn both_kinds(directory: &Path) -> [TemporaryFile; 2] {
    let locked = TemporaryFile::locked(directory).unwrap().expect("the file system of the tests has locks");
    [locked, TemporaryFile::create(directory, "").unwrap()]
}

fn is_locked(temporary: &TemporaryFile) -> bool {
    !lock(&File::options().write(true).open(&temporary.path).unwrap(), Wait::No)
}

#[test]
fn a_file_goes_where_there_is_none_or_over_another() {
    let directory = TestDirectory::new("atomic-put");
    let path = directory.path("file");
    let put_new = |temporary: TemporaryFile| {
        fs::write(&temporary.path, "new").unwrap();
        temporary.put_new(&path)
    };
    for (new, newer) in both_kinds(&directory.path("")).into_iter().zip(both_kinds(&directory.path(""))) {
        put_new(new).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let second = TemporaryFile::new(&path).unwrap();
        assert_eq!(put_new(second).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::write(&newer.path, "newer").unwrap();
        let old = File::open(&path).unwrap();
        newer.put_over(&path, &old).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        // The file at the path is another one now.
        let late = TemporaryFile::new(&path).unwrap();
        assert_eq!(late.put_over(&path, &old).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(directory.names(), [] as [&str; 0]);
}

#[test]
fn a_file_is_replaced_although_what_has_been_there_is_removed_as_a_leftover() {
    let directory = TestDirectory::new("atomic-exchanged");
    let path = directory.path("file");
    fs::write(&path, "old").unwrap();
    let known = fs::metadata(&path).unwrap();
    let new = TemporaryFile::locked(&directory.path("")).unwrap().unwrap();
    fs::write(&new.path, "new").unwrap();
    new.exchange(&path).unwrap();
    // What another process does that puts a file into the directory.
    remove_leftovers(&directory.path(""));
    assert_eq!(directory.names(), ["file"]);
    new.after_exchange(&path, &known).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn what_a_killed_process_leaves_is_removed() {
    let test = "storage::atomic_file::tests::what_a_killed_process_leaves_is_removed";
    let leave = |path: &Path| std::mem::forget(both_kinds(directory_of(path)));
    after_kill(test, "file", leave, |path| {
        let left = || fs::read_dir(directory_of(path)).unwrap().flatten().map(|entry| entry.path()).collect::<Vec<_>>();
        assert_eq!(left().len(), 2, "{:?}", left());
        TemporaryFile::new(path).unwrap();
        let [without_lock] = &left()[..] else { panic!("{:?}", left()) };
        // Somebody may be about to write it.
        assert!(!without_lock.to_str().unwrap().contains(&host().unwrap()));
        File::open(without_lock).unwrap().set_modified(SystemTime::now() - 2 * ABANDONED).unwrap();
        TemporaryFile::new(path).unwrap();
        assert!(left().is_empty(), "{:?}", left());
    });
}

#[test]
fn what_a_living_process_or_somebody_else_has_there_stays() {
    let directory = TestDirectory::new("atomic-living");
    let [locked, without_lock] = both_kinds(&directory.path(""));
    assert!(is_locked(&locked) && !is_locked(&without_lock));
    fs::write(directory.path("my.tmp"), "").unwrap();
    fs::write(directory.path(".davegan-notes"), "").unwrap();
    fs::write(directory.path(".davegan-00000000-1-1.tmp"), "of another host").unwrap();
    fs::create_dir(directory.path(".davegan-folder.tmp")).unwrap();
    let before = directory.names();
    TemporaryFile::new(&directory.path("file")).unwrap();
    assert_eq!(directory.names(), before);
    // However long ago it was written: HDF5 has both open and locks them too.
    for temporary in [&locked, &without_lock] {
        let hdf5 = File::options().append(true).open(&temporary.path).unwrap();
        hdf5.try_lock().unwrap();
        temporary.file.set_modified(SystemTime::now() - 2 * ABANDONED).unwrap();
        TemporaryFile::new(&directory.path("file")).unwrap();
        assert_eq!(directory.names(), before);
    }
}

#[test]
fn processes_that_put_files_into_one_directory_leave_each_other_s_alone() {
    let directory = TestDirectory::new("atomic-crowd");
    // A lock belongs to an open file, so threads meet as processes do.
    let put = &|writer: usize| {
        for number in 0..100 {
            let path = directory.path(&format!("{writer}-{number}"));
            TemporaryFile::new(&path).and_then(|file| file.put_new(&path)).unwrap();
        }
    };
    std::thread::scope(|scope| {
        for writer in 0..8 {
            scope.spawn(move || put(writer));
        }
    });
    assert_eq!(directory.names().len(), 800);
}
