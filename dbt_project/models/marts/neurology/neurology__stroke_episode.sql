{{ config(meta={'key': ['episode_key']}) }}

{#- One row per inpatient or emergency visit for stroke or TIA. Scores come from tables and notes. -#}
with reperfusion as (
    select
        episodes.encounter_key,
        bool_or(procedures.concept = 'thrombolysis') as has_lysis,
        bool_or(procedures.concept = 'thrombectomy') as has_thrombectomy,
        bool_or(procedures.concept in ('brain_ct', 'brain_mri', 'cerebral_angiography')) as has_imaging,
        bool_or(procedures.source_code = '433112001') as has_code_conflict
    from {{ ref('int_neurology_episode') }} as episodes
    inner join {{ ref('int_procedure_occurrence_current') }} as procedures
        on episodes.patient_key = procedures.patient_key
    where cast(procedures.started_at as date) between episodes.admitted_on - 1 and episodes.until_on + 1
    group by episodes.encounter_key
),

lysis as (
    select episodes.encounter_key, min(drugs.ingredient) as agent
    from {{ ref('int_neurology_episode') }} as episodes
    inner join {{ ref('int_drug_exposure_current') }} as drugs
        on episodes.patient_key = drugs.patient_key
    where drugs.drug_class = 'thrombolytic'
        and cast(drugs.started_at as date) between episodes.admitted_on - 1 and episodes.until_on + 1
    group by episodes.encounter_key
),

stays as (
    select encounter_key, max(los_days) as los_days, max(discharge_disposition) as discharge_disposition
    from {{ ref('int_visit_detail_current') }}
    group by encounter_key
)

select
    episodes.encounter_key as episode_key,
    episodes.patient_key,
    episodes.hospital_id,
    episodes.day,
    {{ stroke_type('episodes.concept') }} as stroke_type,
    episodes.source_code as subtype_code,
    {{ first_ever('episodes.previous_on', 'episodes.admitted_on', 'episodes.first_on') }} as first_ever,
    case when episodes.laterality in ('L', 'R', 'B') then episodes.laterality else 'U' end as side,
    cast(scores.nihss_admission as integer) as nihss_admission,
    cast(scores.nihss_discharge as integer) as nihss_discharge,
    cast(scores.gcs_admission as integer) as gcs_admission,
    cast(scores.mrs_discharge as integer) as mrs_discharge,
    cast(scores.mrs_90d as integer) as mrs_90d,
    coalesce(reperfusion.has_imaging, false) as has_imaging,
    coalesce(reperfusion.has_lysis, false) or lysis.agent is not null as has_thrombolysis,
    lysis.agent as thrombolysis_agent,
    coalesce(reperfusion.has_thrombectomy, false) as has_thrombectomy,
    coalesce(reperfusion.has_code_conflict, false) as has_thrombectomy_code_conflict,
    cast(coalesce(stays.los_days, date_diff('day', episodes.admitted_on, episodes.left_on)) as integer) as los_days,
    case
        when {{ died_in_stay('people.death_date', 'episodes.admitted_on', 'episodes.until_on') }} then 'death'
        else coalesce(stays.discharge_disposition, 'U')
    end as discharge_disposition,
    {{ died_in_stay('people.death_date', 'episodes.admitted_on', 'episodes.until_on') }} or coalesce(stays.discharge_disposition = 'death', false) as is_death_in_hospital,
    coalesce(scores.uses_notes, false) as uses_notes
from {{ ref('int_neurology_episode') }} as episodes
inner join {{ ref('int_person_current') }} as people on episodes.patient_key = people.patient_key
left join {{ ref('int_neurology_episode_score') }} as scores on episodes.encounter_key = scores.encounter_key
left join reperfusion on episodes.encounter_key = reperfusion.encounter_key
left join lysis on episodes.encounter_key = lysis.encounter_key
left join stays on episodes.encounter_key = stays.encounter_key
