package manoward.lib.words_test

import data.manoward.lib.words

test_line if words.line("VNF %s: %d", ["v1", 3]) == "VNF v1: 3"

test_long_line if count(words.line("%s", [concat("", ["é" | some _ in numbers.range(1, 2000)])])) == 1000
