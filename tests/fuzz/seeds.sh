#!/bin/sh
# Writes the named files of corpus/safetensors: good ones, and one for each way to be malformed.
set -eu
cd "$(dirname "$0")/corpus/safetensors"

# file NAME HEADER [DATA]: the length of the header in 8 bytes, the header, the data. DATA is for
# printf, so that it may have \0.
file() {
  printf "$(printf '\\%03o\\%03o\\0\\0\\0\\0\\0\\0' $((${#2} % 256)) $((${#2} / 256)))" >"$1"
  printf '%s' "$2" >>"$1"
  printf "${3:-}" >>"$1"
}

# tensor DTYPE SHAPE OFFSETS: a header with one tensor.
tensor() { printf '{"t":{"dtype":%s,"shape":%s,"data_offsets":%s}}' "$1" "$2" "$3"; }

one='\0\0\200\77'              # 1 in f32
half='\0\0\0\0\0\0\340\77'     # 0.5 in f64
nan='\0\0\0\0\0\0\370\177'
payload='\357\276\300\177'     # a NaN in f32 whose other bits must stay

file good_empty '{}'
file good_spaces ' { }  '
file good_text '{"__metadata__":{"epoch":"12","note":"line\nline"}}'
file good_no_text '{"__metadata__":{}}'
file good_f32 "$(tensor '"F32"' '[1]' '[0,4]')" "$one"
file good_f64 "$(tensor '"F64"' '[]' '[0,8]')" "$half"
file good_nan "$(tensor '"F64"' '[1,1,1,1,1,1]' '[0,8]')" "$nan"
file good_nan_payload "$(tensor '"F32"' '[1]' '[0,4]')" "$payload"
file good_no_elements "$(tensor '"F32"' '[2,0]' '[0,0]')"
file good_two '{"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"shape":[1,1],"data_offsets":[4,12],"dtype":"F64"}}' "$one$half"
file good_name '{"\u00e4\" \n":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}' "$one"
file good_no_name '{"":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}' "$one"

printf '' >bad_no_bytes
printf '1234567' >bad_seven_bytes
printf '\377\377\377\377\377\377\377\377{}' >bad_length_most
printf '\3\0\0\0\0\0\0\0{}' >bad_length_beyond
file bad_no_header ''
file bad_open '{'
file bad_trailing '{} x'
file bad_list '[]'
file bad_number '7'
file bad_huge_number '{"a":1e999}'
file bad_utf8 "$(printf '{"\377":1}')"
file bad_line "$(printf '{"a\nb":1}')"
file bad_twice '{"a":1,"a":1}'
file bad_twice_inside '{"a":{"b":1,"b":2}}'
file bad_deep '{"a":[[[[1]]]]}'
file bad_text '{"__metadata__":1}'
file bad_text_number '{"__metadata__":{"a":1}}'
file bad_no_object '{"t":1}'
file bad_no_offsets '{"t":{"dtype":"F32","shape":[]}}'
file bad_fourth_key '{"t":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}}' "$one"
file bad_dtype "$(tensor '"F16"' '[]' '[0,2]')" '\0\0'
file bad_dtype_number "$(tensor 32 '[]' '[0,4]')" "$one"
file bad_extent_negative "$(tensor '"F32"' '[-1]' '[0,4]')" "$one"
file bad_extent_fraction "$(tensor '"F32"' '[1.0]' '[0,4]')" "$one"
file bad_extent_beyond "$(tensor '"F32"' '[18446744073709551616]' '[0,4]')" "$one"
file bad_shape_object "$(tensor '"F32"' '{"a":1}' '[0,4]')" "$one"
file bad_rank "$(tensor '"F32"' '[1,1,1,1,1,1,1]' '[0,4]')" "$one"
file bad_product "$(tensor '"F32"' '[4294967296,4294967296]' '[0,0]')"
file bad_product_of_none "$(tensor '"F32"' '[0,4294967296,4294967296]' '[0,0]')"
file bad_huge_tensor "$(tensor '"F64"' '[1099511627776]' '[0,8796093022208]')"
file bad_offsets_one "$(tensor '"F32"' '[1]' '[4]')" "$one"
file bad_offsets_back "$(tensor '"F32"' '[1]' '[4,0]')" "$one"
file bad_offsets_text "$(tensor '"F32"' '[1]' '"a"')" "$one"
file bad_offsets_size "$(tensor '"F32"' '[2]' '[0,4]')" "$one"
file bad_offsets_beyond "$(tensor '"F32"' '[2]' '[0,8]')" "$one"
file bad_offsets_wrap "$(tensor '"F32"' '[1]' '[18446744073709551608,18446744073709551612]')"
file bad_hole "$(tensor '"F32"' '[1]' '[4,8]')" "$one$one"
file bad_rest "$(tensor '"F32"' '[1]' '[0,4]')" "$one$one"
file bad_overlap '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' "$one$one"
