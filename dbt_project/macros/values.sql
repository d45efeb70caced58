{#- Values as hospitals write them: half width, a comparator apart, a number or nothing. -#}

{%- macro half_width(text) -%}
  translate({{ text }}, '０１２３４５６７８９．＋－／＜＞≦≧（）：＠', '0123456789.+-/<>≤≥():@')
{%- endmacro -%}

{#- '<5' is '<'; '≥70000' is '>'; a plain number is '='; words have none. -#}
{%- macro value_comparator(text) -%}
  case
    when regexp_matches({{ half_width(text) }}, '^\s*[<≤]') then '<'
    when regexp_matches({{ half_width(text) }}, '^\s*[>≥]') then '>'
    when {{ value_number(text) }} is not null then '='
  end
{%- endmacro -%}

{#- The number after a comparator, before an arrow or star that marks it as abnormal. -#}
{%- macro value_number(text) -%}
  try_cast(nullif(regexp_extract(
    {{ half_width(text) }}, '^\s*[<>≤≥]?=?\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*[↑↓HL*]*\s*$', 1
  ), '') as double)
{%- endmacro -%}

{#- A laboratory's own item code or name, letters and digits only. -#}
{%- macro local_item(text) -%}
  regexp_replace(upper({{ half_width(text) }}), '[^\p{L}\p{N}]', '', 'g')
{%- endmacro -%}
