{#-
  Visual acuity as written, to logMAR. One table of conversions, versioned by
  var('acuity_conversion_version'):
    decimal d        -log10(d)                        0.01 to 2.0
    five-point L     5 - L (GB 11533)                 3.5 to 5.3
    Snellen a/b      log10(b / a)                     20/x, 6/x, 5/x, 4/x
    ETDRS letters x  (85 - x) / 50
    +-n letters      0.02 each, + is better
    CF 1.9, HM 2.3, LP 2.7, NLP 3.0                   conventions differ between journals
  Anything else has no value: nothing is guessed. `relation` must have a column `raw`; the result
  has raw, notation, logmar, comparator, distance_cm, one row per distinct raw.
-#}
{%- macro parse_acuity(relation) -%}
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
  ),

  named as (
    select
      *,
      case
        when worded is not null then 'qualitative'
        when line > 0 and distance is not null then 'snellen'
        when logmar_said between -0.3 and 3.0 then 'logmar'
        when etdrs_letters between 0 and 100 then 'etdrs'
        when number between 0.01 and 2.0 then 'decimal'
        when number between 3.5 and 5.3 then 'five_point'
      end as notation
    from read_apart
  )

  select
    raw,
    notation,
    round(case notation
      when 'qualitative' then worded
      when 'snellen' then log10(line / distance) - 0.02 * letters
      when 'logmar' then logmar_said
      when 'etdrs' then (85 - etdrs_letters) / 50
      when 'decimal' then -log10(number) - 0.02 * letters
      when 'five_point' then 5 - number - 0.02 * letters
    -- adding zero turns -0.0, which prints and hashes otherwise, into 0.0
    end, 4) + 0.0 as logmar,
    case
      when notation is null then null
      -- less acuity is more logMAR, but in logMAR itself and nowhere else
      when sign in ('<', '≤') then case when notation = 'logmar' then '<' else '>' end
      when sign in ('>', '≥') then case when notation = 'logmar' then '>' else '<' end
      else '='
    end as comparator,
    case
      when notation = 'qualitative'
        then cast(round(coalesce(in_cm, in_m * 100, in_feet * 30.48)) as integer)
    end as distance_cm
  from named
{%- endmacro -%}

{%- macro acuity_kind(method) -%}
  case when {{ method }} in ('UCVA', 'BCVA', 'PH') then {{ method }} else 'unspecified' end
{%- endmacro -%}

{#- Of one day: best corrected before pinhole before uncorrected before unknown. -#}
{%- macro acuity_kind_order(method) -%}
  case {{ method }} when 'BCVA' then 1 when 'PH' then 2 when 'UCVA' then 3 else 4 end
{%- endmacro -%}
