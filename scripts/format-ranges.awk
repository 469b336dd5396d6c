# Prints clang-format's --lines for a file: its function bodies, without what authors lay out by hand there (tables,
# local structures, macros, chains of conditional expressions, long texts).
function close_range(last) { if (from && last >= from) printf "--lines=%d:%d ", from, last; from = 0 }
/^\{/ { body = 1; from = NR + 1; next }
/^\}/ { close_range(NR - 1); body = 0; by_hand = ""; next }
!body { next }
by_hand == "" && /(struct|union|enum)( [a-z_]+)? \{$/ { close_range(NR - 1); by_hand = "^ +}.*;$" }
by_hand == "" && (/= \{/ || /\)\{/ || /\\$/ || / \? .* \? / || /^ +"/) { close_range(NR - 1); by_hand = "(;|\\) \\{)$" }
by_hand == "" && !from { from = NR }
by_hand != "" && $0 ~ by_hand { by_hand = "" }
