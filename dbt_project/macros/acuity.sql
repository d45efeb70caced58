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
  with read_apart as (
    {{ acuity_words(relation) }}
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
