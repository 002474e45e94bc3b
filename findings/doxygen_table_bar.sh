#!/usr/bin/env bash
# Doxygen 1.9.4 (Debian 12): a row of a Markdown table with more bars than columns ends the table. That row and those after it become
# one line of text with bars, without a warning, also with WARN_AS_ERROR. So a bar in back-ticks, as in `a|b`, must be escaped, as GitHub
# wants it too; but in back-ticks Doxygen shows the escape, `a\|b`, and an entity such as &#124; is not resolved there or in <code>.
# <code>a\|b</code> comes out right.
#
# Needs Debian 12 with doxygen 1.9.4 and python3. Exits with 0 if the behaviour is as described, with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo "doxygen $(doxygen --version)"
cat >Doxyfile <<'CONFIGURATION'
INPUT = README.md
USE_MDFILE_AS_MAINPAGE = README.md
GENERATE_LATEX = NO
HAVE_DOT = NO
QUIET = YES
WARN_AS_ERROR = FAIL_ON_WARNINGS
CONFIGURATION

cat >run.py <<'PYTHON'
import html
import re
import subprocess
import sys


def table(cell):
    """What the page shows in the first cells of a table with `cell` in its second row."""
    with open("README.md", "w") as file:
        file.write(f"# Title\n\n| option | meaning |\n|---|---|\n| `x` | first |\n| {cell} | second |\n| `y` | third |\n")
    done = subprocess.run(["doxygen"], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stderr
    rows = re.findall(r"<tr.*?</tr>", open("html/index.html").read(), re.DOTALL)
    cells = [re.search(r"<td.*?>(.*?)</td>", row, re.DOTALL) for row in rows if "<td class=\"markdown" in row]
    return [html.unescape(re.sub("<.*?>", "", cell[1])).strip() for cell in cells]


found = {cell: table(cell) for cell in ("`a|b`", r"`a\|b`", "`a&#124;b`", "<code>a&#124;b</code>", r"<code>a\|b</code>")}
for cell, rows in found.items():
    print(f"{cell}: rows {', '.join(rows)}")
expected = [["x"], ["x", r"a\|b", "y"], ["x", "a&#124;b", "y"], ["x", "a&#124;b", "y"], ["x", "a|b", "y"]]
print("as described" if list(found.values()) == expected else "changed")
sys.exit(list(found.values()) != expected)
PYTHON
python3 run.py
