# shellcheck shell=bash
# Sourced: changes scalars of YAML files in a branch of a repository elsewhere, by a clone that is thrown away. A push that lost a
# race is made again on top of the winner. The script that sources it defines `edit`.
program=${0##*/}
program=${program%.sh}

# refuse, fail: one line on standard error, whatever the words hold.
say_line() { local words="$program: $*"; printf '%s\n' "${words//$'\n'/ }" >&2; }
refuse() { say_line "$@"; exit 2; }
fail() { say_line "$@"; exit 1; }

need_edit_tools() {
    command -v git >/dev/null || fail "git is missing"
    [[ $(yq --version 2>/dev/null) == *mikefarah*" v4."* ]] ||
        fail "yq version 4 of github.com/mikefarah/yq is missing (another program of that name does not do)"
}

# A URL without the name and password that somebody may have written into it.
shown() { sed -E 's#//[^/@]*@#//#' <<<"$1"; }

# The last words of a command that failed.
last_line() { grep -v '^[[:space:]]*$' "$1" | tail -n 1 | sed -E 's#//[^/@ ]*@#//#'; }

# Why a server did not take a push: its own words come before git's.
refusal() { grep -m 1 -E 'remote: |rejected|fatal: ' "$1" || last_line "$1"; }

# git_token URL TOKEN: git sends the token with every request to that host. It appears in no argument and on no disk.
git_token() {
    local url=$1 token=$2 n=${GIT_CONFIG_COUNT:-0}
    [[ -n $token && $url =~ ^https?://([^/@]*@)?([^/]+)/ ]] || return 0
    export GIT_CONFIG_COUNT=$((n + 1))
    export "GIT_CONFIG_KEY_$n=http.${url%%://*}://${BASH_REMATCH[2]}/.extraheader"
    export "GIT_CONFIG_VALUE_$n=Authorization: Basic $(printf 'x-access-token:%s' "$token" | base64 -w 0)"
}

# yaml_is FILE PATH VALUE: whether that text is there already. A number that looks like it is none; nothing is as good as an empty one.
yaml_is() { [[ $(yq -r "$2 // \"\"" "$1") == "$3" ]] && [[ -z $3 || $(yq "$2 | tag" "$1") == '!!str' ]]; }

# yaml_set FILE PATH VALUE: the value becomes a quoted string, since a tag like 12e4 would be read as a number. yq writes a file
# anew, without its blank lines and alignment; so only the scalar is replaced in the text, where that means the same.
yaml_set() {
    local file=$1 path=$2 value=$3 line column token
    VALUE=$value yq "$path = strenv(VALUE) | $path style=\"double\"" "$file" >"$file.edited"
    read -r line column < <(yq --header-preprocess=false "$path | [line, column] | join(\" \")" "$file")
    token="\"([^\"\\\\]|\\\\.)*\"|'([^']|'')*'|[^][{},#\"' ]+"
    if ((line > 0 && column > 0)) && [[ $value =~ ^[A-Za-z0-9._:/@+-]*$ ]]; then
        sed -E "${line}s#^(.{$((column - 1))})($token)#\\1\"$value\"#" "$file" >"$file.minimal"
        if [[ $(yq -o json . "$file.minimal" 2>/dev/null) == "$(yq -o json . "$file.edited")" ]]; then
            mv "$file.minimal" "$file.edited"
        fi
    fi
    cat "$file.edited" >"$file"
    rm -f "$file.edited" "$file.minimal"
}

# edit_branch REPOSITORY BASE TARGET MESSAGE: clones BASE of REPOSITORY, calls `edit DIRECTORY`, and pushes what that changed to
# TARGET. Sets `edited` to the commit, to nothing when there was nothing to change. `edit` may refuse.
edit_branch() {
    local repository=$1 base=$2 target=$3 message=$4 attempt old expected force
    export GIT_TERMINAL_PROMPT=0
    workspace=$(mktemp -d)
    trap 'rm -rf "$workspace"' EXIT
    local clone=$workspace/clone said=$workspace/said
    git clone -q --depth 1 --no-tags --branch "$base" -- "$repository" "$clone" >"$said" 2>&1 ||
        fail "cannot clone branch $base of $(shown "$repository"): $(last_line "$said")"
    [[ -n $(git -C "$clone" config user.email || true) ]] || identity "$clone"
    for ((attempt = 1; ; attempt++)); do
        old=$(git -C "$clone" rev-parse HEAD)
        expected=$(remote_head "$clone" "$target")
        edit "$clone"
        edited=""
        [[ -n $(git -C "$clone" status --porcelain) ]] || return 0
        git -C "$clone" commit -q -a -m "$message" >"$said" 2>&1 || fail "cannot commit: $(last_line "$said")"
        edited=$(git -C "$clone" rev-parse HEAD)
        # shellcheck disable=SC2034
        if [[ $target != "$base" ]] && same_as "$clone" "$target" "$expected"; then
            edited=$expected
            return 0
        fi
        # A branch of ours may be replaced, if it is still the one seen; the base only goes forward.
        force=()
        [[ $target == "$base" ]] || force=(--force-with-lease="refs/heads/$target:$expected")
        git -C "$clone" push -q "${force[@]}" origin "HEAD:refs/heads/$target" >"$said" 2>&1 && return 0
        ((attempt < ${EDIT_ATTEMPTS:-10})) || fail "gave up after $attempt lost races for $target: $(last_line "$said")"
        sleep "0.$((RANDOM % 9 + 1))"
        git -C "$clone" fetch -q --depth 1 origin "+refs/heads/$base:refs/remotes/origin/$base" 2>>"$said" ||
            fail "cannot fetch: $(last_line "$said")"
        lost_race "$clone" "$base" "$old" "$target" "$expected" "$said" ||
            fail "$(shown "$repository") does not take the push to $target: $(refusal "$said")"
        git -C "$clone" reset -q --hard "origin/$base"
    done
}

identity() {
    git -C "$1" config user.name "github-actions[bot]"
    git -C "$1" config user.email "41898282+github-actions[bot]@users.noreply.github.com"
}

remote_head() { git -C "$1" ls-remote origin "refs/heads/$2" | cut -f 1; }

# Whether the remote branch holds already what HEAD would put there.
same_as() {
    [[ -n $3 ]] && git -C "$1" fetch -q --depth 1 origin "refs/heads/$2" 2>/dev/null && git -C "$1" diff --quiet FETCH_HEAD HEAD
}

# A race is lost when somebody else's commit is there now, or holds the lock at this moment; else the push was refused.
lost_race() {
    local clone=$1 base=$2 old=$3 target=$4 expected=$5 said=$6
    [[ $(git -C "$clone" rev-parse "origin/$base") != "$old" || $(remote_head "$clone" "$target") != "$expected" ]] ||
        grep -qE 'cannot lock ref|failed to update ref|Unable to create .*\.lock' "$said"
}
