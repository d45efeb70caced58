{{ config(meta={'key': ['score_key']}) }}

{#- Scores of scales from tables, notes and, for Hoehn-Yahr, from the stage in a diagnosis code. -#}
with scored as (
    select
        measurement_key as score_key, patient_key, hospital_id, encounter_key, recorded_on,
        concept, value_std as value, source
    from {{ ref('int_measurement_deduplicated') }}
    where concept in ('nihss', 'mrs', 'gcs', 'mmse', 'moca', 'updrs3', 'hoehn_yahr', 'barthel', 'phq9')
        and is_plausible
    union all by name
    select
        {{ made_key(['row_key', "'stage'"]) }} as score_key, patient_key, hospital_id, encounter_key,
        started_on as recorded_on, 'hoehn_yahr' as concept, try_cast(stage as double) as value, 'code' as source
    from {{ ref('int_condition_occurrence_current') }}
    where family = 'parkinson' and try_cast(stage as double) is not null
)

select
    scored.score_key,
    scored.patient_key,
    scored.hospital_id,
    scored.encounter_key,
    {{ days_from_index('scored.recorded_on') }} as day,
    upper(scored.concept) as scale,
    scored.value,
    scored.source
from scored
inner join {{ ref('int_neurology_cohort') }} as cohort
    on scored.patient_key = cohort.patient_key
