{{ config(meta={'key': ['intervention_key']}) }}

select
    procedures.row_key as intervention_key,
    procedures.patient_key,
    procedures.hospital_id,
    procedures.encounter_key,
    {{ days_from_index('procedures.started_at') }} as day,
    procedures.concept as type,
    procedures.source_code as code,
    procedures.source_code = '414088005' or coalesce(visits.visit_class = 'emergency', false) as is_urgent
from {{ ref('int_procedure_occurrence_current') }} as procedures
inner join {{ ref('int_cardiology_cohort') }} as cohort
    on procedures.patient_key = cohort.patient_key
left join {{ ref('int_visit_occurrence_current') }} as visits
    on procedures.hospital_id = visits.hospital_id
    and procedures.encounter_key = visits.encounter_key
where procedures.concept in (
    'pci', 'cabg', 'icd', 'crt', 'lvad', 'heart_transplant', 'ablation', 'cardioversion', 'tavr', 'pacemaker'
)
