{%- macro visit_class(source) -%}
  case
    when lower({{ source }}) in ('inpatient', 'imp', 'acute', 'nonac', 'hospice', 'snf') or {{ source }} like '%住院%' then 'inpatient'
    when lower({{ source }}) in ('emergency', 'emer', 'urgentcare') or {{ source }} like '%急%' then 'emergency'
    when lower({{ source }}) in ('daysurgery', 'ss') or {{ source }} like '%日间%' then 'daysurgery'
    when lower({{ source }}) in ('virtual', 'vr', 'tele') or {{ source }} like '%互联网%' then 'tele'
    when {{ source }} is null then 'other'
    else 'outpatient'
  end
{%- endmacro -%}

{%- macro department_group(words) -%}
  case
    when regexp_matches({{ words }}, '(?i)眼|ophthalm|\beye\b') then 'eye'
    when regexp_matches({{ words }}, '(?i)神经|卒中|neuro|stroke') then 'neuro'
    when regexp_matches({{ words }}, '(?i)心内|心血管|心脏|心外|cardi') then 'cardio'
    when regexp_matches({{ words }}, '(?i)内分泌|endocrin|diabet') then 'endocrine'
    else 'other'
  end
{%- endmacro -%}

{#- 离院方式 of the front sheet, coded 1-5 and 9, or its words. -#}
{%- macro discharge_disposition(source) -%}
  case
    when {{ source }} is null then 'U'
    when {{ source }} in ('5') or {{ source }} like '%死亡%' then 'death'
    when {{ source }} in ('2', '3') or {{ source }} like '%转%' then 'transfer'
    when {{ source }} in ('1') or {{ source }} like '医嘱离院%' then 'home'
    when {{ source }} like '%康复%' then 'rehab'
    else 'other'
  end
{%- endmacro -%}
