//! What tests of files share.

use std::env;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};

/// A directory for one test, removed at its end.
pub(crate) struct TestDirectory(PathBuf);

impl TestDirectory {
    /// Creates the directory; `name` must be the test's own.
    pub fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("davegan-{}-{name}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The path of `name` in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Names of all files in the directory, hidden ones too.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for TestDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs `body` in a process of its own in which no file can grow beyond `bytes`: the next best thing to a full disk.
///
/// `test` is the full name of the test that calls this: the process runs that test once more, and comes here again.
pub(super) fn in_process_with_file_limit(test: &str, bytes: usize, body: impl FnOnce(&TestDirectory)) {
    const INSIDE: &str = "DAVEGAN_TEST_WITH_FILE_LIMIT";
    if env::var_os(INSIDE).is_some() {
        return body(&TestDirectory::new("file-limit"));
    }
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", bytes / 512);
    let output =
        again(test, Command::new("sh").args(["-c", &script]).arg(env::current_exe().unwrap()).env(INSIDE, "1"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "no test is called {test}");
}

/// Runs `write` with the path of a file called `name` in a process of its own that is killed as soon as `write` ends,
/// and then `check` with the same path here. What must not be dropped before the end, `write` has to forget.
pub(super) fn after_kill(test: &str, name: &str, write: impl FnOnce(&Path), check: impl FnOnce(&Path)) {
    const INSIDE: &str = "DAVEGAN_TEST_KILLED_AT";
    if let Some(path) = env::var_os(INSIDE) {
        write(Path::new(&path));
        let _ = Command::new("sh").args(["-c", "kill -KILL $PPID"]).status();
    }
    let directory = TestDirectory::new(test.rsplit(':').next().unwrap());
    let path = directory.path(name);
    let output = again(test, Command::new(env::current_exe().unwrap()).env(INSIDE, &path));
    let text = [output.stdout, output.stderr].concat();
    assert_eq!(output.status.signal(), Some(9), "{}", String::from_utf8_lossy(&text));
    check(&path);
}

/// Runs only `test` with `command`, which starts this very program.
fn again(test: &str, command: &mut Command) -> Output {
    command.args(["--exact", test, "--nocapture"]).output().unwrap()
}
