#!/bin/sh
# Takes this module's directives out of nginx's configuration, and defines its variables as empty. So nginx
# starts without the module, and every request takes the default of the maps. The package calls this when it
# is removed while a configuration still uses the module.
#
# usage: detach [--undo] [NGINX-OPTION...]
#   --undo         restores the files that have not been changed since
#   NGINX-OPTION   an option for nginx, such as -c FILE; Debian needs none
#
# The old files are kept in /var/backups/nginx-frappe. Exit status: 0 if nginx starts without the module, or
# does not use it; 1 if a person has to look, after a message that says where.
set -eu

KEPT=${FRAPPE_BACKUPS:-/var/backups/nginx-frappe}
NGINX=${NGINX_BINARY:-nginx}
DIRECTIVES='frappe_(cmd|body|version|phase|status_zone|status|pace)([[:space:]][^;{}]*)?;'
INCLUDES='include[[:space:]]+"?(/etc/nginx/|\./)?(frappe/|snippets/frappe-)[^;]*;'
LOADS='load_module[[:space:]][^;]*ngx_http_frappe_module\.so"?[[:space:]]*;'
STATEMENT="($DIRECTIVES|$INCLUDES|$LOADS)"
VARIABLES='frappe_(cmd_source|cmd_status|cmd|doctype|call|pace|arg_[a-z0-9_]+)'
LINK=/etc/nginx/modules-enabled/50-mod-http-frappe.conf
# Its name sorts last, since map_hash_bucket_size and its like must stand before the first map or geo.
STUB=conf.d/zz-frappe-detached.conf

say() {
    printf '%s\n' "$@" >&2
}

# The files that nginx reads, one in each line; the first is nginx.conf.
files() {
    "$NGINX" -T "$@" 2>/dev/null | sed -n 's/^# configuration file \(.*\):$/\1/p'
}

# A file without its comments.
text() {
    sed 's/^[[:space:]]*#.*//; s/[[:space:]]#[^"'\'']*$//' "$1"
}

uses() {
    text "$1" | grep -Eq "(^|[;{}])[[:space:]]*$STATEMENT|\\\$\\{?$VARIABLES"
}

undo() {
    [ -e "$KEPT/list" ] || { say "Nothing was taken out: $KEPT is empty"; return 0; }
    status=0
    while read -r sum file; do
        if [ -n "$sum" ] && echo "$sum  $file" | sha256sum --check --status 2>/dev/null; then
            cat "$KEPT$file" >"$file"
            say "put back: $file"
        else
            say "changed since, so left: $file (as it was: $KEPT$file)"
            status=1
        fi
    done <"$KEPT/list"
    rm -f "$(cat "$KEPT/stub")"
    [ "$status" -ne 0 ] || rm -rf "$KEPT"
    return "$status"
}

# Whether nginx takes its configuration without the package's module.
starts_without() {
    [ ! -L "$LINK" ] || mv "$LINK" "$LINK.detached"
    status=0
    said=$("$NGINX" -t "$@" 2>&1) || status=1
    [ ! -L "$LINK.detached" ] || mv "$LINK.detached" "$LINK"
    return "$status"
}

if [ "${1:-}" = --undo ]; then
    undo
    exit
fi

list=$(files "$@")
if [ -z "$list" ]; then
    say "nginx -t fails already, so its configuration is left as it is. It does not start without this" \
        "module either, if it uses it:" "  grep -rn frappe_ /etc/nginx"
    exit 1
fi
main=$(echo "$list" | head -n 1)
used='' snippets=''
for file in $list; do
    case $(realpath "$file") in
        # This file belongs to the package, which removes it.
        /usr/share/nginx/modules-available/*) ;;
        */snippets/frappe-*) snippets="$snippets $file" ;;
        *) ! uses "$file" || used="$used $(realpath "$file")" ;;
    esac
done
[ -n "$used" ] || exit 0

rm -rf "$KEPT"
mkdir -p "$KEPT"
stub=$(dirname "$main")/$STUB
echo "$stub" >"$KEPT/stub"
# The module's variables, and those of the maps in the snippets, which are no longer included.
variables=$({
    for file in $used; do text "$file"; done | grep -Eo "\\\$\\{?$VARIABLES" | tr -d '${'
    for file in $snippets; do sed -n 's/^map .*\$\([a-z_]*\) {$/\1/p' "$file"; done
} | sort -u)
for file in $used; do
    mkdir -p "$KEPT$(dirname "$file")"
    cp -p "$file" "$KEPT$file"
    # A statement that has its line to itself becomes a comment; from any other line it is cut out.
    sed -E "
        /^[[:space:]]*#/b
        s~^([[:space:]]*)($STATEMENT[[:space:]]*(#.*)?)\$~\\1# detached: \\2~
        t
        :more
        s~(^|[;{}])([[:space:]]*)$STATEMENT~\\1\\2~
        t more" "$KEPT$file" >"$KEPT/draft"
    # The file is overwritten in place, so that its owner, mode and links stay.
    cat "$KEPT/draft" >"$file"
    sha256sum "$file" >>"$KEPT/list"
done
rm -f "$KEPT/draft"
mkdir -p "$(dirname "$stub")"
{
    echo '# The variables of ngx_http_frappe_module and its snippets, which are not here any more: all are empty.'
    for variable in $variables; do
        echo "geo \$$variable { default \"\"; }"
    done
} >"$stub"

if ! starts_without "$@"; then
    undo 2>/dev/null || true
    # shellcheck disable=SC2086
    say "nginx will not start without ngx_http_frappe_module, which these files use:" \
        "$(printf '    %s\n' $used)" "They were left as they are, since taking it out is not enough:" "$said"
    exit 1
fi

say "This configuration of nginx still used ngx_http_frappe_module:"
# shellcheck disable=SC2086
printf '    %s\n' $used >&2
say "So that nginx starts without it, its directives were taken out there, and its variables are empty" \
    "by $stub: every request takes the default of your maps." \
    "The files as they were are in $KEPT. They come back when the package is installed again, or by" \
    "    $0 --undo    # once nginx has the module"
