{%- macro mart_medication(product) -%}
select
    drugs.row_key as medication_key,
    drugs.patient_key,
    drugs.hospital_id,
    drugs.encounter_key,
    {{ days_from_index('drugs.started_at') }} as day,
    cast(case
        when drugs.ended_at >= drugs.started_at
            then date_diff('day', cast(drugs.started_at as date), cast(drugs.ended_at as date)) + 1
    end as integer) as duration_days,
    drugs.source_code as code,
    drugs.source_code_system as code_system,
    drugs.ingredient,
    drugs.drug_class,
    drugs.route
from {{ ref('int_drug_exposure_current') }} as drugs
inner join {{ ref('int_' ~ product ~ '_cohort') }} as cohort
    on drugs.patient_key = cohort.patient_key
where {{ for_product('drugs.products', product) }}
{%- endmacro -%}
