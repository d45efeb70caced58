{#- Phenotypes: heart failure by LVEF (<= 40, 41-49, >= 50, ESC 2021), the others by code. -#}
{%- macro cardiac_phenotype(arm, lvef, concept) -%}
  case
    when {{ arm }} = 'HF' and {{ lvef }} <= 40 then 'HFrEF'
    when {{ arm }} = 'HF' and {{ lvef }} < 50 then 'HFmrEF'
    when {{ arm }} = 'HF' and {{ lvef }} >= 50 then 'HFpEF'
    when {{ arm }} = 'HF' then 'HFU'
    when {{ concept }} = 'af_paroxysmal' then 'PAF'
    when {{ concept }} = 'af_persistent' then 'persAF'
    when {{ concept }} = 'af_permanent' then 'permAF'
    when {{ concept }} = 'atrial_flutter' then 'flutter'
    when {{ arm }} = 'AF' then 'AFU'
    when {{ concept }} = 'mi_stemi' then 'STEMI'
    when {{ concept }} = 'mi_nstemi' then 'NSTEMI'
    when {{ concept }} = 'mi_unspecified' then 'MI'
    when {{ concept }} = 'unstable_angina' then 'UA'
    else 'CCS'
  end
{%- endmacro -%}

{#- CHA2DS2-VASc (Lip et al. 2010), 0 to 9; age in years, history as flags of that table. -#}
{%- macro cha2ds2_vasc(age, sex, history) -%}
  cast(
    cast({{ history }}.has_heart_failure as integer)
    + cast({{ history }}.has_hypertension as integer)
    + case when {{ age }} >= 75 then 2 when {{ age }} >= 65 then 1 else 0 end
    + cast({{ history }}.has_diabetes as integer)
    + 2 * cast({{ history }}.has_stroke as integer)
    + cast({{ history }}.has_vascular_disease as integer)
    + case when {{ sex }} = 'F' then 1 else 0 end
  as integer)
{%- endmacro -%}
