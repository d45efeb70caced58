{#- What a DICOM modality and a body site say where no procedure code is mapped. -#}
{%- macro imaging_concept(modality, body_site) -%}
  case
    when not regexp_matches({{ body_site }}, '(?i)brain|head|cerebr') then null
    when {{ modality }} = 'CT' then 'brain_ct'
    when {{ modality }} = 'MR' then 'brain_mri'
    when {{ modality }} = 'XA' then 'cerebral_angiography'
  end
{%- endmacro -%}
