{{ config(meta={'key': ['outcome_key']}) }}

select
    {{ made_key(['outcomes.patient_key', 'outcomes.type', 'outcomes.outcome_on']) }} as outcome_key,
    outcomes.patient_key,
    outcomes.hospital_id,
    {{ days_from_index('outcomes.outcome_on', 'outcomes.index_on') }} as day,
    outcomes.type,
    'code' as adjudication
from {{ ref('int_cardiology_outcome') }} as outcomes
