{#- Small pieces that rows of a cohort are made of. -#}

{#- 20 hex characters that name a row made here from others. -#}
{%- macro made_key(parts) -%}
  left(md5(concat_ws('|', {{ parts | join(', ') }})), 20)
{%- endmacro -%}

{%- macro days_from_index(moment, index_day='cohort.index_on') -%}
  cast(date_diff('day', {{ index_day }}, cast({{ moment }} as date)) as integer)
{%- endmacro -%}

{%- macro for_product(column, product) -%}
  contains({{ column }}, '{{ product }}')
{%- endmacro -%}
