{#- Codes as hospitals write them, made comparable. -#}

{#- Upper case, no blanks. -#}
{%- macro normal_code(code) -%}
  upper(regexp_replace(trim({{ code }}), '\s', '', 'g'))
{%- endmacro -%}

{#- Short name of a code system; `fallback` when the hospital names none. -#}
{%- macro code_system_name(system, code, fallback) -%}
  case
    when {{ system }} ilike '%snomed%' then 'SNOMED'
    when {{ system }} ilike '%loinc%' then 'LOINC'
    when {{ system }} ilike '%rxnorm%' then 'RxNorm'
    when {{ system }} ilike '%icd-10-cm%' or {{ system }} ilike 'icd10cm' then 'ICD10CM'
    when {{ system }} ilike '%icd-9-cm-3%' or {{ system }} ilike 'icd9cm3%' then 'ICD9CM3-CN'
    when {{ system }} ilike '%icd%9%' then 'ICD9CM'
    when {{ system }} like '%国临%' or {{ system }} ilike '%GL2%' then 'ICD10CN-GL2.0'
    when {{ system }} like '%医保%' or {{ system }} ilike '%icd%10%' or {{ system }} ilike '%YB2%'
      then 'ICD10CN-YB2.0'
    when nullif(trim({{ system }}), '') is not null then 'other'
    when '{{ fallback }}' <> '' then '{{ fallback }}'
    when regexp_full_match({{ code }}, '\d{1,5}-\d') then 'LOINC'
    when regexp_full_match({{ code }}, '\d{6,18}') then 'SNOMED'
    else 'other'
  end
{%- endmacro -%}

{#-
  The parts of a dual code of the national editions: `E11.300x031+H36.0*` is E11.300X031 (dagger,
  the cause) and H36.0 (asterisk, the manifestation). A code may also be an asterisk part alone.
-#}
{%- macro icd_dagger(code) -%}
  nullif(regexp_extract({{ normal_code(code) }}, '^([A-Z0-9.]+)(?:[+†]|$)', 1), '')
{%- endmacro -%}

{%- macro icd_asterisk(code) -%}
  nullif(regexp_extract({{ normal_code(code) }}, '([A-Z]\d[A-Z0-9.]*)\*', 1), '')
{%- endmacro -%}

{#- Which side ICD-10-CM writes into a code; other systems say it in words, if at all. -#}
{%- macro icd_side(system, dagger) -%}
  case
    when {{ system }} <> 'ICD10CM' then null
    when regexp_matches({{ dagger }}, '^E(08|09|10|11|13)\.3[2-57]')
      then substr(replace({{ dagger }}, '.', ''), 7, 1)
    when regexp_matches({{ dagger }}, '^H(25|26|34|35|40)')
      then substr(replace({{ dagger }}, '.', ''), 6, 1)
    when regexp_matches({{ dagger }}, '^I63\.[0-5]')
      then substr(replace({{ dagger }}, '.', ''), 6, 1)
  end
{%- endmacro -%}

{#- OD, OS, OU for eyes; L, R, B for the rest; U when nobody says. -#}
{%- macro condition_laterality(side, words, is_eye) -%}
  case
    when {{ side }} = '1' or regexp_matches({{ words }}, '(?i)右|right') and not regexp_matches({{ words }}, '(?i)左|left')
      then case when {{ is_eye }} then 'OD' else 'R' end
    when {{ side }} = '2' or regexp_matches({{ words }}, '(?i)左|left') and not regexp_matches({{ words }}, '(?i)右|right')
      then case when {{ is_eye }} then 'OS' else 'L' end
    when {{ side }} = '3' or regexp_matches({{ words }}, '(?i)双|bilateral|both')
      then case when {{ is_eye }} then 'OU' else 'B' end
    else 'U'
  end
{%- endmacro -%}

{#- The eye of an examination, in the hospital's words. -#}
{%- macro eye_name(eye) -%}
  case
    when upper(trim({{ eye }})) in ('OD', 'R', 'RE', 'RIGHT', '右', '右眼', '1') then 'OD'
    when upper(trim({{ eye }})) in ('OS', 'L', 'LE', 'LEFT', '左', '左眼', '2') then 'OS'
    when upper(trim({{ eye }})) in ('OU', 'B', 'BE', 'BOTH', 'BILATERAL', '双', '双眼', '3') then 'OU'
    else 'U'
  end
{%- endmacro -%}

{#- ICD-10-CM writes macular oedema into the sixth character of diabetic eye disease. -#}
{%- macro is_cm_macular_edema(system, dagger) -%}
  ({{ system }} = 'ICD10CM' and regexp_matches({{ dagger }}, '^E(08|09|10|11|13)\.3[1-5]1'))
{%- endmacro -%}
