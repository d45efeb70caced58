{%- macro mart_procedure(product) -%}
select
    procedures.row_key as procedure_key,
    procedures.patient_key,
    procedures.hospital_id,
    procedures.encounter_key,
    {{ days_from_index('procedures.started_at') }} as day,
    procedures.source_code as code,
    procedures.source_code_system as code_system,
    procedures.concept,
    coalesce(procedures.laterality, 'U') as laterality
from {{ ref('int_procedure_occurrence_current') }} as procedures
inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
    on procedures.patient_key = cohort.patient_key
where {{ for_product('procedures.products', product) }}
{%- endmacro -%}
