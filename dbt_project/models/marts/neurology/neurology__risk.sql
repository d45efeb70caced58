{{ config(meta={'key': ['patient_key']}) }}

{#- Risk factors coded on or before the index day. -#}
{%- set factors = [
    ('hypertension', 'has_hypertension'), ('diabetes', 'has_diabetes'), ('atrial_fibrillation', 'has_atrial_fibrillation'),
    ('dyslipidaemia', 'has_dyslipidaemia'), ('coronary', 'has_coronary_disease'), ('heart_failure', 'has_heart_failure'),
] %}
select
    cohort.patient_key,
    cohort.hospital_id,
    {%- for family, column in factors %}
    coalesce(bool_or(conditions.family = '{{ family }}'{{ " or conditions.family = 'dr'" if family == 'diabetes' }}), false) as {{ column }},
    {%- endfor %}
    coalesce(bool_or(conditions.family in ('stroke', 'tia') and conditions.started_on < cohort.index_on), false) as has_prior_stroke
from {{ ref('int_neurology_cohort') }} as cohort
left join {{ ref('int_condition_occurrence_current') }} as conditions
    on cohort.patient_key = conditions.patient_key
    and conditions.started_on <= cohort.index_on
group by cohort.patient_key, cohort.hospital_id
