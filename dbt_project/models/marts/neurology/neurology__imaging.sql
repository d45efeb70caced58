{{ config(meta={'key': ['imaging_key']}) }}

select
    procedures.row_key as imaging_key,
    procedures.patient_key,
    procedures.hospital_id,
    procedures.encounter_key,
    {{ days_from_index('procedures.started_at') }} as day,
    case procedures.concept
        when 'brain_ct' then 'CT' when 'brain_mri' then 'MRI' when 'cerebral_angiography' then 'DSA' else 'EEG'
    end as modality
from {{ ref('int_procedure_occurrence_current') }} as procedures
inner join {{ ref('int_neurology_cohort') }} as cohort
    on procedures.patient_key = cohort.patient_key
where procedures.concept in ('brain_ct', 'brain_mri', 'cerebral_angiography', 'eeg')
