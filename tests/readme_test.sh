#!/usr/bin/env bash
# Compiles the code that the README prints, compiles and runs that of docs/guide.md, in the order of the page, and does what the pages
# in docs/users say (user_pages.py). Makes volumes by the quick start.
#
#   readme_test.sh BUILD_DIR
#
# Blocks in C, C++ and Fortran are whole programs; those in sh are commands. All share one directory. The guide trains profile standard for
# 8,000 steps, the test paper64 for 20, which has no calibration.
set -euo pipefail

build=$(cd "${1:?usage: readme_test.sh BUILD_DIR}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
libraries=(-L"$build/lib" "-Wl,-rpath,$build/lib" -ldavegan)

fail() {
    echo "readme_test.sh: $*" >&2
    exit 1
}

# blocks FILE NAME: writes each block of code as NAME-01.c, NAME-02.sh and so on, and prints these names.
blocks() {
    awk -v name="$work/$2" '
        /^```(c|cpp|fortran|sh)$/ { language = substr($0, 4); if (language == "fortran") language = "f90"
                                    file = sprintf("%s-%02d.%s", name, ++n, language); print file; next }
        /^```/ { file = "" }
        file { print > file }' "$1"
}

# compile FILE: makes a program of the same name without its ending.
compile() {
    case $1 in
    *.sh) ;;
    *.c) cc -Wall -Wextra -Werror -I"$root/include" "$1" -o "${1%.*}" "${libraries[@]}" ;;
    *.cpp) c++ -std=c++17 -Wall -Wextra -Werror -I"$root/include" "$1" -o "${1%.*}" "${libraries[@]}" ;;
    *.f90) gfortran -Wall -Wno-maybe-uninitialized -Werror -I"$build/fortran" "$1" -o "${1%.*}" "$build/libdavegan_fortran.a" "${libraries[@]}" ;;
    esac
}

languages=
for file in $(blocks README.md readme); do
    [[ $file = *.sh ]] || compile "$file" || fail "this code of the README does not compile: $(cat "$file")"
    languages+=${file##*.}
done
for language in c cpp f90; do
    [[ $languages = *$language* ]] || fail "the README has no example in $language"
done
echo "the README's code compiles"

mkdir "$work/run"
cd "$work/run"
export PATH="$build/bin:$PATH"
number=0
for file in $(blocks "$root/docs/guide.md" guide); do
    sed -i 's/8000/20/; s/PROFILE_STANDARD/PROFILE_PAPER64/; s/profile_standard/profile_paper64/
            s/Profile::standard/Profile::paper64/; s/--profile standard/--profile paper64/' "$file"
    compile "$file" || fail "this code of the guide does not compile: $(cat "$file")"
    program=("${file%.*}")
    [[ $file = *.sh ]] && program=(bash -euo pipefail "$file")
    "${program[@]}" >"$work/output.txt" 2>&1 || fail "this code of the guide fails: $(cat "$file" "$work/output.txt")"
    number=$((number + 1))
done
[ $number -ge 6 ] || fail "the guide has only $number blocks of code"
echo "the guide's code runs: $number blocks"

DAVEGAN_BUILD=$build DAVEGAN_OUT=$work/quickstart "$root/examples-c/quickstart.sh" --volume -- --steps 20 --window-side 32 \
    >"$work/output.txt" 2>&1 || fail "quickstart.sh --volume fails: $(cat "$work/output.txt")"
for file in report.html contact_sheet.png realisations.vtkhdf model.h5 fidelity.txt; do
    [ -s "$work/quickstart/$file" ] || fail "quickstart.sh --volume leaves no $file"
done
grep -q "planes across x" "$work/quickstart/fidelity.txt" || fail "quickstart.sh --volume does not judge planes"
echo "the quick start makes volumes"

cmake --install "$build" --prefix "$work/prefix" >/dev/null
"$root/tests/user_pages.py" "$work/prefix" "$work/run"
