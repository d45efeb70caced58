{#-
  What an acuity says, taken apart and not yet judged: one row per distinct `raw` of `relation`, with
  every reading it could have.
-#}
{%- macro acuity_words(relation) -%}
  with cleaned as (
    select
      raw,
      trim(regexp_replace(
        regexp_replace(
          regexp_replace(lower({{ half_width('raw') }}), '\(.*\)', ''),
          '^\s*((右眼?|左眼?|双眼|裸眼|矫正|视力|vod|vos|od|os|ou|va|bcva|ucva|sc|cc)[\s:]*)+', ''
        ),
        '\s+', '', 'g'
      )) as said
    from (select distinct raw from {{ relation }}) as distinct_values
  ),

  split as (
    select
      *,
      regexp_replace(said, '^[<>≤≥]=?', '') as bare,
      regexp_extract(said, '^([<>≤≥])', 1) as sign,
      coalesce(try_cast(nullif(regexp_extract(said, '[^e]([+-]\d)(?:letters?)?$', 1), '') as integer), 0) as letters,
      try_cast(nullif(regexp_extract(said, '(\d+(?:\.\d+)?)(?:cm|厘米)', 1), '') as double) as in_cm,
      try_cast(nullif(regexp_extract(said, '(\d+(?:\.\d+)?)(?:m|米)(?:[^a-z]|$)', 1), '') as double) as in_m,
      try_cast(nullif(regexp_extract(said, '(\d+(?:\.\d+)?)(?:ft|feet|'')', 1), '') as double) as in_feet
    from cleaned
  ),

  read_apart as (
    select
      *,
      case
        when regexp_matches(bare, '无光感|nlp|nolightperception') then 3.0
        when regexp_matches(bare, '光感|^lp|lightperception') then 2.7
        when regexp_matches(bare, '手动|^hm|handmo') then 2.3
        when regexp_matches(bare, '指数|数指|^cf|^fc|count.*finger|fingercount') then 1.9
      end as worded,
      try_cast(nullif(regexp_extract(bare, '^(20|6|5|4)/\d', 1), '') as double) as distance,
      try_cast(nullif(regexp_extract(bare, '^(?:20|6|5|4)/(\d+(?:\.\d+)?)(?:[+-]\d)?$', 1), '') as double) as line,
      try_cast(nullif(coalesce(
        nullif(regexp_extract(bare, '^logmar[:=]?([+-]?\d(?:\.\d+)?)$', 1), ''),
        regexp_extract(bare, '^([+-]?\d(?:\.\d+)?)logmar$', 1)
      ), '') as double) as logmar_said,
      try_cast(nullif(coalesce(
        nullif(regexp_extract(bare, '^(?:etdrs[:=]?)(\d{1,3})(?:letters|字母)?$', 1), ''),
        regexp_extract(bare, '^(\d{1,3})(?:etdrs)?(?:letters|字母)$', 1)
      ), '') as double) as etdrs_letters,
      try_cast(nullif(regexp_extract(bare, '^(\d(?:\.\d+)?)(?:[+-]\d)?$', 1), '') as double) as number
    from split
  )

  select * from read_apart
{%- endmacro -%}
