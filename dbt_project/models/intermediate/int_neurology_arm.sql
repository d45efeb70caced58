{#- Persons by arm: STROKE, TIA, EPI, PD, DEM, with the index day and whether it is confirmed. -#}
with stroke as (
    select
        hospital_id,
        patient_key,
        case family when 'stroke' then 'STROKE' else 'TIA' end as arm,
        coalesce(min(admitted_on) filter (is_confirmed), min(admitted_on)) as index_on,
        bool_or(is_confirmed) as is_confirmed
    from {{ ref('int_neurology_stroke') }}
    group by hospital_id, patient_key, family
),

helped as (
    select
        patient_key,
        bool_or(drug_class = 'anti_seizure') as has_anti_seizure,
        bool_or(drug_class = 'dopaminergic') as has_dopaminergic,
        bool_or(drug_class = 'dementia_drug') as has_dementia_drug
    from {{ ref('int_drug_exposure_current') }}
    group by patient_key
),

scored as (
    select distinct patient_key
    from {{ ref('int_measurement_deduplicated') }}
    where concept in ('mmse', 'moca')
),

chronic as (
    select
        hospital_id,
        patient_key,
        case family when 'epilepsy' then 'EPI' when 'parkinson' then 'PD' else 'DEM' end as arm,
        min(started_on) as index_on,
        count(distinct started_on) as n_days,
        date_diff('day', min(started_on), max(started_on)) as span_days,
        bool_or(stage is not null) as is_staged
    from {{ ref('int_condition_occurrence_current') }}
    where family in ('epilepsy', 'parkinson', 'dementia')
    group by hospital_id, patient_key, family
)

select * from stroke
union all by name
select
    chronic.hospital_id,
    chronic.patient_key,
    chronic.arm,
    chronic.index_on,
    case chronic.arm
        when 'EPI' then chronic.n_days >= 2 or coalesce(helped.has_anti_seizure, false)
        -- hospitals that send no prescriptions confirm by stage or by a repeated code
        when 'PD' then coalesce(helped.has_dopaminergic, false) or chronic.is_staged
            or chronic.span_days >= {{ var('confirm_days') }}
        else coalesce(helped.has_dementia_drug, false) or scored.patient_key is not null
    end as is_confirmed
from chronic
left join helped on chronic.patient_key = helped.patient_key
left join scored on chronic.patient_key = scored.patient_key
